"""The composer: configures, wires collectors to the spool, and delivers."""


def __getattr__(name: str) -> str:
    """Look the version up when it is asked for: that alone costs a quick command half of its time."""
    if name == "__version__":
        from importlib.metadata import version

        return version("sts-agent")
    raise AttributeError(name)
