"""Posted bodies that make the agent raise what nobody foresaw: each is told once by an event and shown by `status`.

Who posts hears that it was not taken, as of any fault; this is for who looks after the agent. It knows bodies by hash and size alone.
"""

import logging
import time
from threading import Lock

from agent.events.capture import Capture
from agent.runtime.self_events import OWNER
from collectors._sha256 import sha256_of
from collectors._troubles import Subject, Troubles
from collectors.collector import NotKept
from spool import SpoolError

log = logging.getLogger(__name__)

_POSTS = Subject(
    "sha256",
    "A post could not be taken: {}",
    "A body with the SHA-256 {} could not be taken: {}. Nothing of it is kept, other posts are taken as before.",
    "could not take",
    called_by_hash=True,
)


class OddPosts:
    """The bodies of this run of the daemon that could not be taken; any thread may call it."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._lock = Lock()
        self._troubles = Troubles(None, _POSTS)

    def met(self, where: str, body: bytes, error: Exception) -> None:
        """Note that a body that came to `where` raised something; never raises."""
        digest = sha256_of(body).hex()
        with self._lock:
            # The kind alone: what an error says may be of the body, and that may hold a secret.
            self._troubles.met(digest, type(error).__name__, {"where": where, "size": len(body)})
            events = self._troubles.news(int(time.time()))
            if not events:
                return
            try:
                self._capture.keep(events, OWNER, {})
            except (SpoolError, NotKept) as reason:
                log.warning("that a post could not be taken is not told: %s", reason)
                self._troubles.forgo()
            else:
                self._troubles.kept()

    def in_words(self) -> str:
        """Return what `status` shows of them; empty when there is nothing."""
        with self._lock:
            return self._troubles.in_words()
