"""requests, held to what an agent needs: connections under one deadline, and settings of our own alone.

Loaded when the first request is made, since it costs time and memory to import. Nothing here reads
the environment or .netrc, keeps a cookie, follows a redirect, or lets a library say anything about a URL.
"""

import logging
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Any

from agent.http.deadline import Deadline
from agent.http.direct import Direct, DirectAnswer, KnownAnswer, WholeHead
from agent.http.plain_requests import (
    HTTPAdapter,
    HTTPConnection,
    HTTPConnectionPool,
    HTTPSConnection,
    HTTPSConnectionPool,
    PreparedRequest,
    Session,
    prepend_scheme_if_needed,
    select_proxy,
)

logging.getLogger("urllib3").setLevel(logging.WARNING)
logging.getLogger("urllib3.connection").setLevel(logging.ERROR)  # warns of odd headers with the whole URL

Resolve = Callable[..., list[Any]]
"""As socket.getaddrinfo."""


class Proxied:
    """An answer that came through a proxy, of which the head was read."""

    def __init__(self, read: Any) -> None:
        self._read = read
        self.status: int = read.status
        self.headers: dict[str, str] = dict(read.headers.itermerged())

    def read(self, size_bytes: int) -> bytes:
        """Return so much of its body, or all of it."""
        content: bytes = self._read.read(size_bytes, decode_content=False)
        return content

    def close(self) -> None:
        """End it; the connection stays open where nothing more of the answer can come."""
        self._read.close()
        self._read.release_conn()


class GuardedSession(Session):
    """Asks over connections that are under a deadline and speak TLS by `tls`."""

    def __init__(self, deadline: Deadline, tls: ssl.SSLContext | None, resolve: Resolve) -> None:
        super().__init__()
        self.trust_env = False
        self.headers.clear()
        self._adapter = _Adapter(deadline, tls, resolve)
        for scheme in ("http://", "https://"):
            self.mount(scheme, self._adapter)

    def ask(
        self, request: PreparedRequest, timeout_seconds: float, proxies: Mapping[str, str] | None
    ) -> DirectAnswer | KnownAnswer | Proxied:
        """Return the answer, of which the head was read; that of a redirect as any other."""
        if not proxies:
            return self._adapter.direct_to(request).ask(request)
        # The adapter, not the session: that would read the whole body of a redirect.
        answer: Any = self._adapter.send(request, stream=True, timeout=timeout_seconds, proxies=proxies)
        proxied: Proxied = answer
        return proxied


class _Adapter(HTTPAdapter):
    """Makes guarded connections and leaves certificates to our own TLS context."""

    def __init__(self, deadline: Deadline, tls: ssl.SSLContext | None, resolve: Resolve) -> None:
        self._deadline = deadline
        self._pools = _guarded_pools(deadline, resolve)
        self._tls = tls
        self._pool: Any = None
        self._url = ""
        """What was asked last without a proxy, of a side of this pool: it is the same from request to request."""
        self._direct: Direct | None = None
        super().__init__(pool_connections=2, pool_maxsize=1)

    def direct_to(self, request: PreparedRequest) -> Direct:
        """Return the connection to the side that a request is for."""
        if self._direct is not None and request.url == self._url:
            return self._direct
        pool = self.poolmanager.connection_from_url(request.url)
        if self._direct is None or pool is not self._pool:
            self.close_direct()
            connection = pool.ConnectionCls(host=pool.host, port=pool.port, **pool.conn_kw)
            self._pool, self._direct = pool, Direct(connection, self._deadline)
        self._url = str(request.url)
        return self._direct

    def close(self) -> None:
        """Close all connections."""
        self.close_direct()
        super().close()

    def close_direct(self) -> None:
        """Close the connection that goes through no proxy."""
        if self._direct is not None:
            self._direct.close()

    def init_poolmanager(self, *arguments: Any, **options: Any) -> None:
        super().init_poolmanager(*arguments, ssl_context=self._tls, **options)
        self.poolmanager.pool_classes_by_scheme = self._pools

    def proxy_manager_for(self, proxy: str, **options: Any) -> Any:
        manager = super().proxy_manager_for(
            proxy, ssl_context=self._tls, proxy_ssl_context=self._tls, **options
        )
        manager.pool_classes_by_scheme = self._pools
        return manager

    def get_connection_with_tls_context(
        self, request: PreparedRequest, verify: Any, proxies: Any = None, cert: Any = None
    ) -> Any:
        del verify, cert  # the TLS context says it
        proxy = select_proxy(str(request.url), proxies)
        address = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]  # has no annotations
        return self.proxy_manager_for(address).connection_from_url(request.url)

    def build_response(self, req: PreparedRequest, resp: Any) -> Any:
        """Return what is read of an answer: no cookies, no guess at its encoding."""
        del req
        return Proxied(resp)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Leave the connection as the TLS context made it."""


def _guarded_pools(deadline: Deadline, resolve: Resolve) -> dict[str, Any]:
    """Return pool classes whose connections hand every socket they use to the deadline."""

    class Guarded(HTTPConnection):
        response_class = WholeHead

        def _new_conn(self) -> socket.socket:
            connection = connect(self._dns_host, self.port or self.default_port, deadline, resolve)
            for option in self.socket_options or ():
                connection.setsockopt(*option)
            return connection

        def request(self, *arguments: Any, **options: Any) -> None:
            if self.sock is None:
                self.connect()
            else:
                deadline.adopt(self.sock)
            deadline.sending = True
            super().request(*arguments, **options)

    class GuardedTls(Guarded, HTTPSConnection):
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Guarded

    class TlsPool(HTTPSConnectionPool):
        ConnectionCls = GuardedTls

        def _validate_conn(self, conn: Any) -> None:
            # As the original, without its warning: who turns verification off is told so once, by us.
            if conn.is_closed:
                conn.connect()

    return {"http": Pool, "https": TlsPool}


def connect(host: str, port: int, deadline: Deadline, resolve: Resolve) -> socket.socket:
    """Connect to the first address that answers; each gets its share of the time that is left."""
    addresses = resolve(host, port, 0, socket.SOCK_STREAM)
    failure: OSError = OSError(f"{host} has no address")
    for index, (family, kind, protocol, _, address) in enumerate(addresses):
        connection = socket.socket(family, kind, protocol)
        try:
            deadline.adopt(connection)
            connection.settimeout(deadline.remaining() / (len(addresses) - index))
            connection.connect(address)
            connection.settimeout(deadline.remaining())
        except OSError as error:
            connection.close()
            failure = error
        else:
            return connection
    raise failure
