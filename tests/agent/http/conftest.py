"""A real server on a real socket, and a client that writes and reads plain bytes."""

import socket
from pathlib import Path

import pytest

from agent.http import Request, Response
from agent.http.server import Server, listen_on_port, serve


class Client:
    """One connection: what is sent is what is written, byte for byte."""

    def __init__(self, address) -> None:
        family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
        self.socket = socket.socket(family)
        self.socket.settimeout(30)
        self.socket.connect(address)

    def send(self, *parts: bytes) -> "Client":
        for part in parts:
            self.socket.sendall(part)
        return self

    def rest(self) -> bytes:
        """Return everything until the other side ends."""
        received = b""
        try:
            while part := self.socket.recv(65536):
                received += part
        except ConnectionResetError:
            pass
        return received

    def answer(self) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers and body of one answer that says its length."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            part = self.socket.recv(1)
            assert part, head
            head += part
        first, *lines = head.decode().strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = b""
        while len(body) < int(headers.get("Content-Length", 0)):
            body += self.socket.recv(int(headers["Content-Length"]) - len(body))
        return int(first.split()[1]), headers, body

    def status(self) -> int:
        return self.answer()[0]


def echo(request: Request) -> Response:
    return Response(200, request.body or request.path.encode(), "text/plain")


@pytest.fixture
def http(tmp_path):
    """Start servers; `http.unix(answer, …)` and `http.tcp(answer, …)` return them, `http.client(server)` connects."""

    class Http:
        def __init__(self) -> None:
            self.servers: list[tuple[Server, object]] = []
            self.clients: list[Client] = []

        def _start(self, listener, address, answer, limits, more) -> Server:
            server = serve(listener, answer, limits, **more)
            self.servers.append((server, address))
            return server

        def unix(self, answer=echo, limits=None, **more) -> Server:
            path = Path(tmp_path) / f"{len(self.servers)}.sock"
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            listener.listen(1024)
            return self._start(listener, str(path), answer, limits, more)

        def tcp(self, answer=echo, limits=None, **more) -> Server:
            listener = listen_on_port()
            return self._start(listener, listener.getsockname(), answer, limits, more)

        def address(self, server):
            return next(address for one, address in self.servers if one is server)

        def client(self, server) -> Client:
            client = Client(self.address(server))
            self.clients.append(client)
            return client

    one = Http()
    yield one
    for client in one.clients:
        client.socket.close()
    for server, _ in one.servers:
        server.stop()
