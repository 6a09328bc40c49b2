"""The API's `/events` and `/resolve`: what is not well, and having it resolved.

Facts: Sensu Core 1.x, "Events API", whose examples the tests hold.
"""

import time
from collections.abc import Iterable, Iterator
from functools import partial
from http import HTTPStatus

from agent.http.message import Request, Response
from agent.intake.dialect import bad_request
from agent.systems.sensu import view
from agent.systems.sensu.api_route import Page, Route, missing, route, shown
from agent.systems.sensu.check_state import CheckState
from agent.systems.sensu.clients import Clients
from agent.systems.sensu.registry import Registry
from agent.systems.sensu.result import read_json


def routes(registry: Registry) -> Iterator[Route]:
    """Yield what is answered."""
    events = _Events(registry)
    yield route("GET", "/events", events.all)
    yield route("GET", "/events/:client", events.of_client)
    yield route("GET", "/events/:client/:check", events.one)
    yield route("DELETE", "/events/:client/:check", events.delete)
    for path in ("/resolve", "/event/resolve"):
        yield route("POST", path, events.resolve)


class _Events:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._clients = Clients(registry)

    def all(self, _: Request) -> Page:
        return self._page(self._registry.states())

    def of_client(self, _: Request, client: str) -> Page:
        return self._page(self._registry.states(client))

    def one(self, _: Request, client: str, check: str) -> Response:
        state = self._registry.state(client, check)
        return missing() if state is None or state.event is None else shown(self._show(client, state))

    def delete(self, _: Request, client: str, check: str) -> Response:
        return issued() if self._registry.resolve(client, check) else missing()

    def resolve(self, request: Request) -> Response:
        asked = read_json(request.body)
        client, check = (asked.get("client"), asked.get("check")) if isinstance(asked, dict) else (None, None)
        if not isinstance(client, str) or not isinstance(check, str):
            raise bad_request("give `client` and `check`")
        return self.delete(request, client, check)

    def _page(self, states: Iterable[tuple[str, CheckState]]) -> Page:
        return Page(
            [partial(self._show, client, state) for client, state in states if state.event is not None]
        )

    def _show(self, client: str, state: CheckState) -> view.Shown:
        return view.event(self._clients.show(client, state), state)


def issued() -> Response:
    """Return that what was asked for is done, and when."""
    return shown({"issued": int(time.time())}, HTTPStatus.ACCEPTED)
