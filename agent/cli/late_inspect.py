"""dataclasses without `inspect`, and the compiler's tree that brings, until something asks for them: 0.6 MiB of a daemon at rest.

dataclasses asks for the signature of a class that has no docstring, to write one.
"""

from agent.cli.first_import import Later, import_beside

import_beside(Later("inspect"), "dataclasses")
