"""The composer: configures, wires collectors to the spool, and delivers."""

from importlib.metadata import version

__version__ = version("sts-agent")
