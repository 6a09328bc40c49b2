"""Histories to make pages of: a small outage as it would be told, fifty thousand events, and titles that are attacks."""

import json

from spool import Record, Spool, compress

NOON = 1_795_694_400
"""26 November 2026, 12:00 UTC."""

DIFF = """\
--- /etc/nginx/nginx.conf
+++ /etc/nginx/nginx.conf
@@ -3,5 +3,5 @@
 events {}
-worker_connections 1024;
+worker_connections 10;
 http {
-    client_max_body_size 8m;
+    client_max_body_size 8k;
 }
"""

ATTACKS = [
    "<script>document.title='owned'</script>",
    "</script><script>document.title='owned'</script>",
    "<img src=x onerror=document.title='owned'>",
    '" onmouseover="document.title=\'owned\'" x="',
    "<!--<script>",
    "{{ 7 * 7 }}{% raw %}",
    "javascript:document.title='owned'",
    "]]><svg onload=document.title='owned'>",
    "&lt;b&gt; &amp; \u2028 \u2029",
    "right \u202egnihtyreve\u202c left",
    "\x1b[31mred\x1b[0m \x00 \ud7ff \U0010ffff",
    "</title><base href=//evil.example>",
]


def event(
    title, seconds=0, kind="ConfigurationChangedEvent", category="Changes", *, text="", tags=(), **data
):
    """Return one event's JSON object, so many seconds after noon."""
    return {
        "event_type": kind,
        "msg_title": title,
        "msg_text": text,
        "tags": list(tags),
        "host": "edge-01.example.com",
        "timestamp": NOON + seconds,
        "context": {"category": category, "source_identifier": f"id-{seconds}-{title[:20]}", "data": data},
    }


def outage():
    """Return what a host would tell of a configuration that breaks nginx at 14:03."""
    service = {"unit": "nginx.service"}
    return [
        event("Host edge-01 booted", -80_000, "HostBootedEvent", "Activities", boot_id="b" * 32),
        *(event(f"{name} upgraded to 1.2", 300 + at, "VersionChangedEvent", "Deployments", package=name)
          for at, name in enumerate(["openssl", "libssl3", "nginx-common"])),
        event("cron.service started", 1000, "ServiceStartedEvent", "Activities", unit="cron.service"),
        event("/etc/hosts changed", 5000, path="/etc/hosts", change="modified"),
        event(
            "/etc/nginx/nginx.conf changed", 7300, path="/etc/nginx/nginx.conf", change="modified", diff=DIFF,
            changes=[{"key": "worker_connections", "old": "1024", "new": "10"}], tags=["app:nginx"],
            origin="person", origin_login_user="alice",
        ),
        event("nginx.service stopped", 7370, "ServiceStoppedEvent", "Activities", **service),
        event(
            "nginx.service failed: exit code 1", 7380, "ServiceFailedEvent", "Alerts", **service, result="exit-code",
            text="nginx: [emerg] 8k is too small",
            preceded_by=[{"source_identifier": "id-7300-/etc/nginx/nginx.con", "title": "/etc/nginx/nginx.conf changed",
                          "seconds_before": 80, "reason": "a file of its own"}],
        ),
        event("sshd.service started", 9000, "ServiceStartedEvent", "Activities", unit="sshd.service"),
    ]  # fmt: skip


def many(count=50_000):
    """Return so many events over thirty days, of every kind, some with a diff."""
    kinds = [("ServiceStartedEvent", "Activities"), ("ConfigurationChangedEvent", "Changes"),
             ("VersionChangedEvent", "Deployments"), ("ServiceFailedEvent", "Alerts"), ("CustomEvent", "Others")]  # fmt: skip
    step = 30 * 86_400 / count
    for at in range(count):
        kind, category = kinds[(at * 7 + at // 11) % len(kinds)]
        yield event(
            f"number {at} of unit-{at % 400}.service on this host", int((at - count) * step), kind, category,
            text="what it said " * 12, unit=f"unit-{at % 400}.service", tags=(f"app:{at % 40}", "env:prod"),
            **({"diff": DIFF} if at % 5 == 1 else {}),
        )  # fmt: skip


def keep(directory, events):
    """Put events into a spool, by sixty-four as the agent does."""
    found = [*events]
    with Spool.open(directory) as spool:
        for first in range(0, len(found), 64):
            spool.records.append([_record(found[first : first + 64])])


def _record(events):
    times = [one["timestamp"] for one in events]
    return Record(
        name="custom",
        count=len(events),
        first_time=min(times),
        last_time=max(times),
        event_types=tuple(sorted({one["event_type"] for one in events})),
        tags=(),
        hostname="edge-01",
        boot_id="b",
        boottime=1.0,
        captured=float(max(times)),
        clock_trusted=True,
        segment=compress(b",".join(json.dumps(one).encode() for one in events)),
    )
