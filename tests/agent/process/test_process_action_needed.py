"""Each reason why a running daemon needs somebody: `status` says it and what to do, its exit status is 1, and `/health` agrees.

The reasons go when what is behind them went, and come back when it comes back.
"""

import json
import os
import socket
import subprocess
from pathlib import Path

import pytest
from harness.free_ports import free_port

from agent import cli
from agent.cli.daemon_client import ask
from agent.stand_in import Reply

LOCALHOST = "import os, socket, sys; socket.sethostname('localhost'); os.execv(sys.argv[1], sys.argv[1:])"


def may_use_namespaces():
    """Return whether this user may have a host name, and a /run, of his own."""
    made = ["unshare", "--uts", "--mount", "true"]
    return os.geteuid() == 0 and subprocess.run(made, check=False, capture_output=True).returncode == 0


needs_namespaces = pytest.mark.skipif(not may_use_namespaces(), reason="needs root and unshare")


def needed(agent):
    """Return why action is needed; every way to ask says the same, as long as nothing changes meanwhile."""
    document, reasons = asked(agent)
    while document["running"]:
        health = ask(agent.socket, "GET", "/health")
        before, (document, reasons) = reasons, asked(agent)
        if before == reasons:
            assert health.status == (503 if reasons else 200), health.body
            break
    return reasons


def asked(agent):
    """Return what `status` says, and why it takes action to be needed."""
    ran = agent.command("status", "--json", "--exit-code", check=False)
    document = json.loads(ran.stdout)
    reasons = document["action_needed"]
    assert ran.returncode == (1 if reasons else 0)
    assert len(document["what_to_do"]) == len(reasons)
    assert all(document["what_to_do"]), document["what_to_do"]
    return document, reasons


def screen(agent, *words):
    """Return what `status` says, no line broken."""
    return agent.command("status", *words, env={**os.environ, "COLUMNS": ""})


def the_reason(agent, wait_until, words):
    """Wait until one reason alone is told; return what the screen shows, each reason on stderr as well."""
    wait_until(lambda: [words in one for one in needed(agent)] == [True], lambda: str(needed(agent)))
    shown = screen(agent)
    assert "ACTION NEEDED (1)" in shown.stdout
    assert words in shown.stdout
    assert words in shown.stderr
    assert "all is well" not in shown.stdout
    return shown.stdout


def nothing(agent, wait_until):
    """Wait until nothing is needed any more."""
    wait_until(lambda: needed(agent) == [], lambda: str(needed(agent)))
    assert "all is well" in agent.command("status").stdout


def fill(agent, count):
    """Post so many events of 90 KB that nothing makes smaller."""
    for _ in range(count // 10):
        events = [{"msg_title": os.urandom(45_000).hex()} for _ in range(10)]
        body = json.dumps({"events": {"flood": events}}).encode()
        assert ask(agent.socket, "POST", "/stsAgent/intake", body, timeout_seconds=60).is_ok


def drop_some(agent):
    """Fill a large spool, and make it small: the oldest have to go."""
    restart(agent, "64MiB")
    fill(agent, 160)
    restart(agent, "8MiB")


def restart(agent, max_size):
    if agent.process:
        agent.stop()
    agent.settings["spool"]["max_size"] = max_size
    agent.configure()
    agent.start()


def test_events_that_were_dropped_are_told_until_they_are_acknowledged_and_again_when_more_are(
    agent, receiver, wait_until
):
    receiver.close()
    drop_some(agent)
    dropped = "events for receiver were dropped (`sts-agent status --acknowledge`)"
    shown = the_reason(agent, wait_until, dropped)
    assert "raise spool.max_size where it was full, then acknowledge it" in shown

    done = screen(agent, "--acknowledge", "--exit-code")
    count = int(done.stderr.split()[1])
    assert count > 10
    assert f"{count} dropped events are acknowledged" in done.stderr
    assert f"dropped: {count} full" in done.stdout
    assert needed(agent) == []
    assert "0 dropped events are acknowledged" in agent.command("status", "--acknowledge").stderr

    restart(agent, "8MiB")
    assert needed(agent) == []
    drop_some(agent)
    the_reason(agent, wait_until, dropped)
    again = int(agent.command("status", "--acknowledge").stderr.split()[1])
    assert f"dropped: {count + again} full" in agent.command("status").stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: only root can become somebody else")
def test_only_root_and_the_services_user_may_acknowledge(agent, capsys):
    agent.start()
    agent.socket.chmod(0o666)  # who posts may use the socket, and no more
    words = ["--config", str(agent.directory / "agent.yaml"), "status"]
    assert cli.main(words) == 0  # loads what root alone may read here
    os.seteuid(65534)
    try:
        assert cli.main([*words, "--acknowledge"]) == 1
    finally:
        os.seteuid(0)
    assert "for root and the user of the service alone" in capsys.readouterr().err


def test_a_receiver_that_takes_nothing_for_long_is_told_and_no_longer_when_it_takes_something(
    agent, receiver, wait_until
):
    receiver.intercept = lambda _: Reply(503, b"down for today")
    agent.configure(status={"alert_after": "300ms"})
    agent.start()
    shown = the_reason(agent, wait_until, "destination receiver has delivered nothing for")
    assert "503" in shown
    assert "-> `sts-agent doctor` tries it and says what to do" in shown
    receiver.intercept = None
    nothing(agent, wait_until)
    receiver.intercept = lambda _: Reply(503)
    agent.post("later")
    the_reason(agent, wait_until, "destination receiver has delivered nothing for")


def test_a_destination_that_is_paused_is_told_until_the_key_is_right(agent, wait_until):
    agent.key_file.write_text("wrong\n")
    agent.start()
    the_reason(agent, wait_until, "destination receiver is paused: 403")
    agent.key_file.write_text("right\n")
    nothing(agent, wait_until)
    agent.key_file.write_text("wrong-again\n")
    agent.reload()
    agent.post("later")
    the_reason(agent, wait_until, "destination receiver is paused: 403")


def test_rejected_events_are_told_until_they_are_let_go_of(agent, receiver, wait_until):
    agent.destination["compression"] = "none"
    agent.configure()
    receiver.intercept = lambda request: Reply(400, b"no") if b"poison" in request.body else None
    agent.start()
    agent.post("one", "poison", "two")
    shown = the_reason(agent, wait_until, "1 event was rejected, see `sts-agent rejected list`")
    assert "`retry ID…` or `discard ID…`" in shown
    (rejected,) = map(json.loads, agent.command("rejected", "list", "--json").stdout.splitlines())
    agent.command("rejected", "discard", str(rejected["id"]))
    nothing(agent, wait_until)


def test_a_wrong_file_of_conf_d_is_told_until_it_is_right(agent, wait_until):
    path = agent.configure_application("app", files=[{"pahts": ["/etc/hosts"]}])
    agent.start()
    shown = the_reason(agent, wait_until, f"{path} is wrong and was set aside")
    assert "correct it (`sts-agent check` names every line), then `systemctl reload sts-agent`" in shown
    agent.configure_application("app", files=[{"paths": ["/etc/hosts"]}])
    agent.reload()
    nothing(agent, wait_until)
    agent.configure_application("app", files=[{"pahts": ["/etc/hosts"]}])
    agent.reload()
    the_reason(agent, wait_until, "a reload was refused")
    agent.configure_application("app", files=[{"paths": ["/etc/hosts"]}])
    agent.reload()
    nothing(agent, wait_until)


def test_a_wrong_agent_yaml_at_a_start_is_told_until_it_is_right(agent, wait_until):
    agent.start()
    agent.stop()
    agent.configure(hostnmae="x")
    agent.start()
    wait_until(lambda: any("agent.yaml is wrong, the last right one goes on" in one for one in needed(agent)))
    del agent.settings["hostnmae"]
    agent.configure()
    agent.reload()
    nothing(agent, wait_until)


def test_damage_is_told_for_a_day_and_no_start_ends_it(agent, wait_until):
    agent.start()
    agent.post("before")
    agent.kill()
    agent.spool.joinpath("spool.db").write_bytes(b"nonsense" * 1000)
    agent.spool.joinpath("spool.db-wal").unlink(missing_ok=True)
    agent.start()
    shown = the_reason(agent, wait_until, "the spool was damaged: ")
    assert "look at the disk: `dmesg`, `smartctl -a`; it is repaired" in shown
    agent.stop()
    agent.start()
    the_reason(agent, wait_until, "the spool was damaged: ")


def test_a_spool_that_a_stop_would_lose_is_told_until_its_directory_can_be_written(agent, wait_until):
    in_the_way = agent.directory / "in-the-way"
    in_the_way.write_text("no directory")
    agent.settings["spool"]["directory"] = str(in_the_way / "spool")
    agent.configure()
    runtime = agent.directory / "run"
    runtime.mkdir()
    agent.start(RUNTIME_DIRECTORY=str(runtime))
    shown = the_reason(agent, wait_until, "events are lost at the next stop: ")
    assert f"events are lost at the next stop: {in_the_way / 'spool'} cannot be used" in shown
    assert "let the service's user write in spool.directory, then `systemctl restart sts-agent`" in shown
    agent.stop()
    in_the_way.unlink()
    agent.start(RUNTIME_DIRECTORY=str(runtime))
    nothing(agent, wait_until)


def test_files_that_cannot_be_remembered_are_told_until_there_is_room_for_them(agent, wait_until):
    deep = agent.watched.joinpath(*(letter * 240 for letter in "abc"))  # a long path takes more to remember
    deep.mkdir(parents=True)
    for number in range(5000):
        deep.joinpath(f"{number:05}{'n' * 240}").write_text("")
    agent.watch_files()
    restart(agent, "8MiB")
    shown = the_reason(agent, wait_until, "no room to remember more: further files are not watched")
    assert "raise spool.max_size, or watch fewer files" in shown
    restart(agent, "64MiB")
    wait_until(lambda: "watching 5000 files" in agent.detail("files"), lambda: agent.detail("files"))
    nothing(agent, wait_until)


def test_a_port_that_is_taken_is_told_until_it_is_free(agent, wait_until):
    token = agent.directory / "token"
    token.write_text("a token\n")
    port = free_port()
    with socket.create_server(("127.0.0.1", port)):
        agent.configure(
            intake={
                "socket": str(agent.socket),
                "http": {"listen": f"127.0.0.1:{port}", "token_file": str(token)},
            }
        )
        agent.start()
        shown = the_reason(agent, wait_until, f"does not listen at 127.0.0.1:{port}: ")
        assert "free the address, or give another in agent.yaml; it is tried again" in shown
    agent.reload()
    nothing(agent, wait_until)


@needs_namespaces
def test_a_host_without_a_name_of_its_own_is_told_until_it_has_one(agent, wait_until):
    del agent.settings["hostname"]
    agent.configure()
    hidden = 'mount --bind /dev/null /etc/hostname && exec "$@"'
    agent.prefix = ["unshare", "--uts", "--mount", "sh", "-c", hidden, "sh", "python3", "-c", LOCALHOST]
    agent.start()
    shown = the_reason(agent, wait_until, "there is no acceptable hostname")
    assert "write `hostname: NAME` into agent.yaml" in shown
    inside = ["nsenter", "--target", str(agent.process.pid), "--uts"]
    rename = "import socket; socket.sethostname('edge-01.example.com')"
    subprocess.run([*inside, "python3", "-c", rename], check=True)
    nothing(agent, wait_until)


@needs_namespaces
def test_a_disk_with_little_room_is_noted_and_needs_nobody(agent):
    agent.spool.mkdir()
    small = f'mount -t tmpfs -o size=12m tmpfs {agent.spool} && exec "$@"'
    agent.prefix = ["unshare", "--mount", "sh", "-c", small, "sh"]
    agent.start()
    assert needed(agent) == []
    assert "MiB are free there: history that was delivered gives way first" in screen(agent).stdout


@needs_namespaces
def test_a_collector_that_fails_is_told_with_why_and_no_longer_when_it_runs(agent, wait_until):
    """Services: systemd is there, and its bus talks no D-Bus."""
    run = agent.directory / "run"
    for directory in ("systemd/system", "dbus"):
        run.joinpath(directory).mkdir(parents=True)
    agent.configure(services=True)
    agent.prefix = ["unshare", "--mount", "sh", "-c", f'mount --bind {run} /run && exec "$@"', "sh"]
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(run / "dbus/system_bus_socket"))
        agent.start()
        shown = the_reason(agent, wait_until, "collector services fails: ")
        assert "look at `journalctl -u sts-agent`; it is started again by itself" in shown
        assert "started again" in shown
    agent.configure(services=False)
    agent.reload()
    nothing(agent, wait_until)


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_daemon_that_does_not_run_is_told(agent, wait_until, end):
    agent.start()
    getattr(agent, end)()
    shown = the_reason(agent, wait_until, "the daemon is not running")
    assert "`systemctl start sts-agent`, then `journalctl -u sts-agent`" in shown
    assert "destination receiver: stopped" in shown
    agent.start()
    nothing(agent, wait_until)


def test_several_reasons_are_told_together(agent, wait_until):
    agent.key_file.write_text("wrong\n")
    path = agent.configure_application("app", nonsense=1)
    agent.start()
    wait_until(lambda: len(needed(agent)) == 2, lambda: str(needed(agent)))
    shown = agent.command("status").stdout
    assert "ACTION NEEDED (2)" in shown
    assert str(Path(path).name) in shown
    assert "is paused" in shown
