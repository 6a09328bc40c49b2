"""The composer: configures, wires collectors to the spool, and delivers."""

__version__ = "0.1.0"  # the package takes it from here: to look it up there costs a mebibyte
