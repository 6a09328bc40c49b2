"""The steps before and after the start of the service, as the packages run them: the modules beside it, after the standard library."""

import sys

sys.path.append("/opt/sts-agent/lib")

if sys.argv[1:] == ["--at-once"]:
    from agent.runtime.at_once import main
else:
    from agent.runtime.fanotify_group import main

sys.exit(main())
