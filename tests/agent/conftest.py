"""A scripted other side on a real socket, and certificates of every kind of wrongness."""

import contextlib
import socket
import ssl
import subprocess
import threading
from dataclasses import dataclass
from pathlib import Path

import pytest

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Wire:
    """A TCP server that plays one script a connection, and the last one for every further one.

    A script is bytes to answer each request with, or a function of (connection, wire).
    """

    def __init__(self, *scripts, tls=None):
        self._scripts = list(scripts)
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = []
        self._threads = []
        self.port = self._listener.getsockname()[1]
        self.requests = []
        self.connections = 0
        self.over = threading.Event()
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    @property
    def url(self):
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.port}/stsAgent"

    def close(self):
        self.over.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listener.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        for thread in self._threads:
            thread.join()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            script = self._scripts.pop(0) if len(self._scripts) > 1 else self._scripts[0]
            self._open.append(connection.dup())
            thread = threading.Thread(target=self._play, args=(connection, script))
            self._threads.append(thread)
            thread.start()

    def _play(self, connection, script):
        with contextlib.suppress(OSError), self._secured(connection) as stream:
            if callable(script):
                script(stream, self)
            else:
                while self.read_request(stream):
                    stream.sendall(script)
            stream.shutdown(socket.SHUT_RDWR)  # `close` holds a descriptor too: closing ours is no end

    def _secured(self, connection):
        return self._tls.wrap_socket(connection, server_side=True) if self._tls else connection

    def read_request(self, connection):
        """Read one request whole; None when the client went away."""
        data = b""
        while b"\r\n\r\n" not in data:
            more = connection.recv(65536)
            if not more:
                return None
            data += more
        head, _, body = data.partition(b"\r\n\r\n")
        length = 0
        for line in head.split(b"\r\n")[1:]:
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        while len(body) < length:
            body += connection.recv(65536)
        self.requests.append((head.decode(), body))
        return head

    def drip(self, connection, data, seconds=0.02):
        """Send a byte at a time until the client goes."""
        for at in range(len(data)):
            connection.sendall(data[at : at + 1])
            if self.over.wait(seconds):
                return


@pytest.fixture
def wire():
    """Make scripted servers; see `Wire`."""
    made = []

    def make(*scripts, tls=None):
        made.append(Wire(*scripts, tls=tls))
        return made[-1]

    yield make
    for one in made:
        one.close()


@dataclass(frozen=True)
class Certificate:
    """Files of one certificate."""

    cert: Path
    key: Path


class Authority:
    """A certificate authority of our own."""

    def __init__(self, directory):
        self._directory = directory
        self.ca = directory / "ca.pem"
        self._key = directory / "ca.key"
        subject = ["-subj", "/CN=test authority"]
        self._openssl(
            "req", "-x509", *_NEW_KEY, "-keyout", self._key, "-out", self.ca, *subject, "-days", "2"
        )

    def issue(self, name, *, names="DNS:localhost,IP:127.0.0.1", days=2):
        """Return a certificate for these names, valid for so many days."""
        directory = self._directory
        key, request, certificate = (directory / f"{name}.{kind}" for kind in ("key", "csr", "pem"))
        extensions = directory / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        self._openssl("req", *_NEW_KEY, "-keyout", key, "-out", request, "-subj", f"/CN={name}")
        signed = ["-CA", self.ca, "-CAkey", self._key, "-days", str(days), "-extfile", extensions]
        self._openssl("x509", "-req", "-in", request, "-out", certificate, *signed)
        return Certificate(certificate, key)

    def server(self, certificate, *, client_needed=False):
        """Return a server's TLS context."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.cert, certificate.key)
        if client_needed:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(self.ca)
        return context

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)


_NEW_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@pytest.fixture(scope="session")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"))
