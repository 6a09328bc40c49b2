"""Sensu, for the suites of the destinations; its credential is part of the address, so it has no key of its own."""

from destination_example import Example

from agent.stand_in import Reply

EXAMPLE = Example(accepted=Reply(202, b'{"response":"ok"}'))
