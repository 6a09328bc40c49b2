"""What the command of the packages runs: the modules beside it, after the standard library."""

import sys

sys.path.append("/opt/sts-agent/lib")
sys.argv[0] = "/opt/sts-agent/bin/sts-agent"  # how this program is started again

from agent.cli import main  # noqa: E402 - found only now

sys.exit(main())
