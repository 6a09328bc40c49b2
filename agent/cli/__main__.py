"""`python -m agent.cli` is `sts-agent`, for where only the interpreter is known."""

import sys

from agent.cli import main

sys.exit(main())
