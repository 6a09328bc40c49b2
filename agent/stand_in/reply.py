"""What a stand-in answers. Pure."""

from collections.abc import Mapping

import msgspec

from agent.http.message import Response


class Reply(msgspec.Struct, frozen=True):
    """What to answer; `cut` closes the connection without any answer."""

    status: int = 200
    body: bytes = b"{}"
    content_type: str = "application/json"
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    cut: bool = False

    def response(self) -> Response | None:
        """Return it as the server takes it."""
        if self.cut:
            return None
        return Response(self.status, self.body, self.content_type, tuple(self.headers.items()))


def text(status: int, words: str, headers: dict[str, str] | None = None) -> Reply:
    """Return an answer in plain text."""
    return Reply(status, words.encode(), "text/plain; charset=UTF-8", headers or {})
