"""The configuration that a command was started with."""

from argparse import Namespace

from agent.configuration.types import Configuration


def configuration(arguments: Namespace) -> Configuration:
    """Return it; raises `ConfigurationError`. A wrong conf.d file is no obstacle to looking at things."""
    from agent.configuration.load import load

    return load(arguments.config, user=arguments.user, strict=False)
