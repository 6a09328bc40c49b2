"""What dashboards look at beside the events: clients, checks, results, aggregates, and the server itself.

Each is a valid answer with what is known here; of what only a Sensu server has, the empty one.
"""

from collections.abc import Iterator
from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs

from agent.http.message import Request, Response
from agent.systems.sensu import view
from agent.systems.sensu.api_events import issued
from agent.systems.sensu.api_route import Page, Route, missing, route, shown
from agent.systems.sensu.clients import Clients
from agent.systems.sensu.registry import Registry
from agent.systems.sensu.result import read_results

_KEYS_OF_A_CHECK = ("command", "interval", "subscribers", "handlers", "handler", "standalone", "type")


def routes(registry: Registry) -> Iterator[Route]:
    """Yield what is answered."""
    looks = _Looks(registry)
    yield route("GET", "/clients", looks.clients)
    yield route("GET", "/clients/:client", looks.client)
    yield route("DELETE", "/clients/:client", looks.delete_client)
    yield route("GET", "/clients/:client/history", looks.history)
    yield route("GET", "/checks", looks.checks)
    yield route("GET", "/checks/:check", looks.check)
    yield route("GET", "/results", looks.results)
    yield route("POST", "/results", looks.post)
    yield route("GET", "/results/:client", looks.results_of)
    yield route("GET", "/results/:client/:check", looks.result)
    yield route("DELETE", "/results/:client/:check", looks.delete_result)
    yield route("GET", "/info", looks.info)
    yield route("GET", "/health", looks.health)
    yield route("GET", "/silenced", looks.nothing)
    yield route("GET", "/aggregates", looks.nothing)


class _Looks:
    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._clients = Clients(registry)

    def clients(self, _: Request) -> Page:
        return Page([partial(dict, client) for client in self._clients.all().values()])

    def client(self, _: Request, client: str) -> Response:
        found = self._clients.one(client)
        return missing() if found is None else shown(found)

    def delete_client(self, _: Request, client: str) -> Response:
        return issued() if self._registry.forget(client) else missing()

    def history(self, _: Request, client: str) -> Response:
        return shown([view.history(state) for _, state in self._registry.states(client)])

    def checks(self, _: Request) -> Page:
        return Page([partial(dict, check) for check in self._checks().values()])

    def check(self, _: Request, check: str) -> Response:
        found = self._checks().get(check)
        return missing() if found is None else shown(found)

    def results(self, _: Request) -> Page:
        return Page([partial(view.result, *found) for found in self._registry.states()])

    def results_of(self, _: Request, client: str) -> Page:
        return Page([partial(view.result, *found) for found in self._registry.states(client)])

    def result(self, _: Request, client: str, check: str) -> Response:
        state = self._registry.state(client, check)
        return missing() if state is None else shown(view.result(client, state))

    def delete_result(self, _: Request, client: str, check: str) -> Response:
        return Response(HTTPStatus.NO_CONTENT) if self._registry.forget(client, check) else missing()

    def post(self, request: Request) -> Response:
        self._registry.take(read_results(request.body))
        return issued()

    def info(self, _: Request) -> Response:
        queue = {"messages": 0, "consumers": 1}
        return shown(
            {
                "sensu": {"version": view.VERSION, "settings": {"hexdigest": ""}},
                "transport": {
                    "name": "spool",
                    "connected": True,
                    "keepalives": queue,
                    "results": queue,
                },
                "redis": {"connected": True},
                "servers": [],
            }
        )

    def health(self, request: Request) -> Response:
        """Return 204 while results can be kept, and more consumers than the one there is are not asked for."""
        asked = parse_qs(request.query).get("consumers", ["0"])[-1]
        if asked.isdecimal() and int(asked) > 1:
            return shown([f"keepalive consumers (1) less than min_consumers ({asked})"], _NOT_MET)
        problem = self._registry.problem
        return shown([problem], _NOT_MET) if problem else Response(HTTPStatus.NO_CONTENT)

    def nothing(self, _: Request) -> Page:
        return Page([])

    def _checks(self) -> dict[str, view.Shown]:
        """Return what results tell of their checks, by name."""
        return {
            state.result["name"]: {
                "name": state.result["name"],
                **{key: state.result[key] for key in _KEYS_OF_A_CHECK if key in state.result},
            }
            for _, state in self._registry.states()
        }


_NOT_MET = HTTPStatus.PRECONDITION_FAILED
