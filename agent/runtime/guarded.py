"""A step that may fail by itself: it ends neither the daemon nor the steps after it, and the log has why."""

import logging
from collections.abc import Callable
from typing import ParamSpec

log = logging.getLogger(__name__)

P = ParamSpec("P")


def guarded(what: str, step: Callable[P, object], *arguments: P.args, **keywords: P.kwargs) -> None:
    """Do a step, whatever it raises; `what` names it in the log."""
    try:
        step(*arguments, **keywords)
    except Exception:
        log.exception("%s failed", what)
