"""What a change says: which key went from what to what, masked where it is a secret, also across a downtime."""

import json

import pytest
from harness.files import CHANGED, UNIT, Files

pytestmark = pytest.mark.every_debian

SECRETS = ("hunter2", "hunter3")


def text_of(name, port, password):
    """Return a configuration of one port and one password, in the format that the name of a file stands for."""
    return {
        "app.ini": f"[db]\nport = {port}\npassword = {password}\n",
        "app.json": json.dumps({"db": {"port": port, "password": password}}, indent=2) + "\n",
        "app.yaml": f"db:\n  port: {port}\n  password: {password}\n",
        "app.toml": f'[db]\nport = {port}\npassword = "{password}"\n',
        "app.env": f"DB_PORT={port}\nDB_PASSWORD={password}\n",
    }[name]


FORMATS = {
    "app.ini": ("db.port", "db.password"),
    "app.json": ("db.port", "db.password"),
    "app.yaml": ("db.port", "db.password"),
    "app.toml": ("db.port", "db.password"),
    "app.env": ("DB_PORT", "DB_PASSWORD"),
}


def write_all(files, port, password):
    for name in FORMATS:
        files.host.write(f"/etc/app/{name}", text_of(name, port, password))


@pytest.fixture
def files(host):
    files = Files(host)
    write_all(files, 80, "hunter2")
    files.boot()
    return files


def masked(value):
    return isinstance(value, str) and value.startswith("<masked:")


def check_changes_of_all(told):
    """Check that each file says what its port and its password went from and to, the password masked."""
    told = {data["path"].rpartition("/")[2]: data for data in told}
    assert told.keys() == FORMATS.keys()
    for name, (port, password) in FORMATS.items():
        by_key = {change["key"]: (change["old"], change["new"]) for change in told[name]["changes"]}
        assert by_key.keys() == {port, password}
        assert tuple(map(str, by_key[port])) == ("80", "8080")
        old, new = by_key[password]
        assert masked(old), name
        assert masked(new), name
        assert old != new
        assert old in told[name]["diff"]
        assert new in told[name]["diff"]
        assert not any(secret in json.dumps(told[name]) for secret in SECRETS)


def test_which_key_went_from_what_to_what_in_every_format_and_a_secret_only_that_it_changed(files):
    write_all(files, 8080, "hunter3")
    check_changes_of_all(files.data())


def test_a_diff_across_a_downtime_shows_what_a_diff_under_watch_does(files):
    files.host.run("systemctl", "stop", UNIT)
    write_all(files, 8080, "hunter3")
    files.host.run("systemctl", "start", UNIT)
    files.wait_until_watching()
    told = files.data()
    assert all(data["while_agent_down"] for data in told)
    check_changes_of_all(told)


def test_neither_what_is_kept_nor_what_the_log_shows_holds_a_secret(files):
    write_all(files, 8080, "hunter3")
    files.host.receiver.wait_for(lambda events: len([e for e in events if e["event_type"] == CHANGED]) == 5)
    assert "port" in files.host.agent("log", "--diff").stdout
    everything = files.host.agent("log", "--json", "-n", "1000").stdout
    assert not any(secret in everything for secret in SECRETS)
    files.host.run("systemctl", "stop", UNIT)
    for secret in SECRETS:
        assert files.host.run("grep", "-rl", secret, "/var/lib/sts-agent", check=False).stdout == ""
