"""The table of collectors: a new one is a module beside this file and one line here."""

from collectors._files.entry import REGISTRATION as FILES
from collectors._host.entry import REGISTRATION as HOST
from collectors._packages.entry import REGISTRATION as PACKAGES
from collectors._processes.entry import REGISTRATION as PROCESSES
from collectors._puppet.entry import REGISTRATION as PUPPET
from collectors._services.entry import REGISTRATION as SERVICES
from collectors.collector import Registration

COLLECTORS: dict[str, Registration] = {
    "files": FILES,
    "host": HOST,
    "packages": PACKAGES,
    "puppet": PUPPET,
    "processes": PROCESSES,
    "services": SERVICES,
}
"""By the key under which agent.yaml and conf.d know them."""
