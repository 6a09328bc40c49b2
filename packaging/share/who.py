"""The step before the service, as the packages run it: the modules beside it, after the standard library."""

import sys

sys.path.append("/opt/sts-agent/lib")

from agent.runtime.fanotify_group import main

sys.exit(main())
