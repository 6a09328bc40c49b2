"""One collector alone on a test host, as a unit beside the masked agent: its events go to the receiver.

It remembers in a file, across restarts and boots, so that a test of a collector needs no daemon.
"""

from collections.abc import Mapping

from harness.host import Host
from harness.receiver import API_KEY

UNIT = "watcher.service"

_UNIT_FILE = """\
[Unit]
After=network.target dbus.service
[Service]
Type=notify
NotifyAccess=all
ExecStart=/opt/sts-agent/bin/python /opt/watcher.py
Restart=no
StateDirectory=watcher
{more}
[Install]
WantedBy={target}
"""

_SCRIPT = """\
import json, os, pathlib, signal, socket, threading, traceback, urllib.request
import msgspec
from collectors.collector import Runtime, Scoped
from collectors.event import encode
from collectors.registry import COLLECTORS

URL, KEY, HOST, NAME, ENTRIES, SURROUNDINGS = {settings!r}


class Stop:
    def __init__(self):
        self.event, (self.read, self.write) = threading.Event(), os.pipe()
    def set(self, *_):
        self.event.set()
        os.write(self.write, b"!")
    def is_set(self):
        return self.event.is_set()
    def wait(self, timeout_seconds=None):
        return self.event.wait(timeout_seconds)
    def fileno(self):
        return self.read


class Memory:
    def __init__(self):
        self.path = pathlib.Path(os.environ["STATE_DIRECTORY"], "memory")
        text = self.path.read_text() if self.path.exists() else "{{}}"
        self.kept = {{key: bytes.fromhex(value) for key, value in json.loads(text).items()}}
    def get(self, key):
        return self.kept.get(key)
    def text(self, key):
        return None
    def has_room(self, more_bytes):
        return True
    def items(self, prefix=""):
        return iter(sorted(item for item in self.kept.items() if item[0].startswith(prefix)))
    def apply(self, remember):
        self.kept.update(remember)
        self.kept = {{key: value for key, value in self.kept.items() if value is not None}}
        new = self.path.with_suffix(".new")
        new.write_text(json.dumps({{key: value.hex() for key, value in self.kept.items()}}))
        new.rename(self.path)


memory, stop = Memory(), Stop()


def emit(events, remember, texts={{}}):
    memory.apply(remember)
    told = {{}}
    for event in events:
        wire = json.loads(encode(event))
        wire["host"] = HOST
        wire["context"]["element_identifiers"].insert(0, "urn:host:/" + HOST)
        told.setdefault(event.name, []).append(wire)
    if told:
        body = {{"internalHostname": HOST, "collection_timestamp": events[0].timestamp, "events": told}}
        body |= {{"metrics": [], "service_checks": [], "topologies": [], "health": []}}
        headers = {{"Content-Type": "application/json", "sts-api-key": KEY}}
        urllib.request.urlopen(urllib.request.Request(URL + "/intake", json.dumps(body).encode(), headers))


def notify(text):
    print(text, flush=True)
    if "NOTIFY_SOCKET" in os.environ:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))


def run():
    registration = COLLECTORS[NAME]
    entries = [Scoped(msgspec.convert(entry, registration.entry)) for entry in ENTRIES]
    try:
        collector = registration.create(entries)
        if SURROUNDINGS:
            collector = type(collector)(entries, **SURROUNDINGS)
        collector.run(Runtime(memory, emit, stop, notify, lambda seconds: None))
    except BaseException:
        traceback.print_exc()
        os._exit(1)


signal.signal(signal.SIGTERM, stop.set)
thread = threading.Thread(target=run)
thread.start()
thread.join()
"""


def watch(
    host: Host,
    collector: str,
    *entries: dict,
    user: str = "sts-agent",
    unit_directory: str = "/etc/systemd/system",
    target: str = "multi-user.target",
    more: str = "",
    surroundings: Mapping[str, object] = {},
) -> None:
    """Install the watcher on a host that is off; it is ready when the collector has reported once.

    Another `unit_directory` makes it a unit of a user's own manager; `more` are lines for its [Service];
    `surroundings` are the collector's own parameters, where it takes any (how often it compares, say).
    """
    host.mask_agent()
    settings = (host.receiver.url, API_KEY, host.name, collector, entries or ({},), dict(surroundings))
    host.write("/opt/watcher.py", _SCRIPT.format(settings=settings))
    as_user = f"User={user}\n" if unit_directory == "/etc/systemd/system" else ""
    host.write(f"{unit_directory}/{UNIT}", _UNIT_FILE.format(more=as_user + more, target=target))
    wants = host.path(f"{unit_directory}/{target}.wants")
    wants.mkdir(parents=True, exist_ok=True)
    (wants / UNIT).symlink_to(f"{unit_directory}/{UNIT}")
