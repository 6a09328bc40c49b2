"""Sematext, for the suites of the destinations."""

from destination_example import Example

EXAMPLE = Example(credential_key="token")
