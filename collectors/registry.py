"""The table of collectors: a new one is a module beside this file and one line here."""

from collectors import files, host, packages, processes, puppet, services
from collectors.collector import Registration

COLLECTORS: dict[str, Registration] = {
    "files": files.REGISTRATION,
    "host": host.REGISTRATION,
    "packages": packages.REGISTRATION,
    "puppet": puppet.REGISTRATION,
    "processes": processes.REGISTRATION,
    "services": services.REGISTRATION,
}
"""By the key under which agent.yaml and conf.d know them."""
