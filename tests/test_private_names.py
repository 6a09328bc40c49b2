"""Private names of libraries that we lean on. When one is gone after an upgrade, this fails and says where it is used."""

import inspect
from http.client import HTTPResponse

import pytest
import requests.adapters
import requests.utils
import urllib3.connection
import urllib3.connectionpool
import urllib3.poolmanager
from watchdog.observers import inotify_c

TRANSPORT = "agent/http/transport.py"
DIRECT = "agent/http/direct.py"
WATCH = "collectors/_files/watch.py"

NAMES = [
    (urllib3.connection.HTTPConnection, "_new_conn", TRANSPORT),
    (urllib3.connection.HTTPConnection, "default_port", TRANSPORT),
    (urllib3.connection.HTTPConnection, "default_port", DIRECT),
    (urllib3.connection.HTTPConnection, "is_closed", TRANSPORT),
    (urllib3.connection.HTTPConnection, "is_connected", DIRECT),
    (urllib3.connection.HTTPConnection, "response_class", TRANSPORT),
    (urllib3.connectionpool.HTTPConnectionPool, "ConnectionCls", TRANSPORT),
    (urllib3.connectionpool.HTTPSConnectionPool, "ConnectionCls", TRANSPORT),
    (urllib3.connectionpool.HTTPSConnectionPool, "_validate_conn", TRANSPORT),
    (urllib3.poolmanager.PoolManager, "connection_from_url", TRANSPORT),
    (urllib3.HTTPConnectionPool("example.com"), "conn_kw", TRANSPORT),
    (requests.adapters.HTTPAdapter, "init_poolmanager", TRANSPORT),
    (requests.adapters.HTTPAdapter, "proxy_manager_for", TRANSPORT),
    (requests.adapters.HTTPAdapter, "get_connection_with_tls_context", TRANSPORT),
    (requests.adapters.HTTPAdapter, "cert_verify", TRANSPORT),
    (requests.utils, "select_proxy", TRANSPORT),
    (requests.utils, "prepend_scheme_if_needed", TRANSPORT),
    (HTTPResponse, "begin", DIRECT),
    (inotify_c, "InotifyConstants", WATCH),
    (inotify_c, "InotifyEvent", WATCH),
    (inotify_c, "Mask", WATCH),
    (inotify_c, "WatchDescriptor", WATCH),
    (inotify_c, "inotify_add_watch", WATCH),
    (inotify_c, "inotify_rm_watch", WATCH),
    (inotify_c.InotifyFD, "run", WATCH),
    (inotify_c.InotifyFD, "close", WATCH),
    (inotify_c.InotifyFD, "handle_event", WATCH),
]


@pytest.mark.parametrize(("owner", "name", "user"), NAMES, ids=[f"{u}: {n}" for _, n, u in NAMES])
def test_a_name_is_still_there(owner, name, user):
    assert hasattr(owner, name), f"{user} uses it"


def test_urllib3_still_makes_a_connection_by_the_method_that_we_replace():
    source = inspect.getsource(urllib3.connection)
    assert source.count("self._new_conn()") >= 2, f"{TRANSPORT} hands every socket to the deadline there"


def test_urllib3_still_resolves_the_name_that_we_resolve():
    connection = urllib3.connection.HTTPConnection("example.com", 80)
    assert connection._dns_host == "example.com", f"{TRANSPORT} connects to it"
    assert isinstance(connection.socket_options, list), f"{TRANSPORT} sets them"


def test_urllib3_still_takes_the_class_of_a_pool_from_the_managers_table():
    manager = urllib3.poolmanager.PoolManager()
    assert set(manager.pool_classes_by_scheme) == {"http", "https"}, f"{TRANSPORT} replaces both"
    assert "self.pool_classes_by_scheme[" in inspect.getsource(urllib3.poolmanager.PoolManager._new_pool)


def test_urllib3_still_validates_a_connection_before_it_sends():
    assert "self._validate_conn(conn)" in inspect.getsource(urllib3.connectionpool.HTTPConnectionPool), (
        TRANSPORT
    )


def test_an_answer_of_the_standard_library_still_reads_its_head_from_fp():
    source = inspect.getsource(HTTPResponse)
    assert "self.fp.readline(" in source, f"{TRANSPORT} puts a stream of whole lines there"
    assert "parse_headers(self.fp)" in source


def test_watchdog_still_keeps_its_descriptor_and_its_state_where_we_look():
    source = inspect.getsource(inotify_c.InotifyFD)
    for name in ("self._inotify_fd", "self._is_reading", "self._lock", "self._closed"):
        assert name in source, f"{WATCH} uses {name}"
    assert "self.handle_event(" in source, f"{WATCH} takes the events there"
