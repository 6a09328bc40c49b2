"""What the configuration asks to listen for events: the socket, and the port that shows a token.

Nothing is opened here; see `agent.intake.open_listeners`.
"""

import logging
from functools import partial
from pathlib import Path

from agent.configuration.named_file import read_named
from agent.configuration.types import Configuration
from agent.http.budget import Budget
from agent.intake.listeners import PortListener, SocketListener
from agent.intake.open_listeners import Wanted
from agent.intake.router import Router

log = logging.getLogger(__name__)


def wanted_listeners(configuration: Configuration, router: Router, budget: Budget) -> list[Wanted]:
    """Return what is to listen, by the names that the configuration gives it."""
    socket, http = configuration.socket, configuration.settings.intake.http

    def on_socket() -> SocketListener:
        return SocketListener(socket, router.answer_socket, refuse=router.refuse, budget=budget)

    def on_port() -> PortListener:
        assert http is not None  # noqa: S101 - it is wanted only then
        answer = router.port(partial(read_token, http.token_file))
        return PortListener(str(http.listen), answer, refuse=router.refuse, budget=budget)

    wanted = [Wanted("socket", socket, on_socket)]
    return [*wanted, Wanted("http", http, on_port)] if http else wanted


def read_token(file: Path) -> str:
    """Return the token as the file has it now; empty when it cannot be read: then nobody is let in."""
    try:
        return read_named(file).decode("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        log.warning(
            "the token of the port cannot be read: %s", getattr(error, "strerror", None) or "it is no text"
        )
        return ""
