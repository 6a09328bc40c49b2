"""What a daemon at rest has not loaded, as the kernel's map of the process shows it."""

import platform
from pathlib import Path


def has_openssl(agent):
    return "libcrypto" in Path(f"/proc/{agent.process.pid}/maps").read_text()


def is_watching(agent):
    return "watching" in agent.detail("files")


def test_a_recorder_that_is_started_again_has_no_openssl_though_a_file_changes(agent, wait_until):
    agent.configure(destinations={}, host=True, packages=True)
    agent.watch_files()
    for number in range(40):
        (agent.watched / f"{number}.conf").write_text(f"number = {number}\n")
    agent.start()
    wait_until(lambda: is_watching(agent))
    assert has_openssl(agent)  # the fast way of a hash, for many files
    agent.stop()
    agent.start()
    wait_until(lambda: is_watching(agent))
    (agent.watched / "7.conf").write_text("number = 77\n")
    told = wait_until(lambda: agent.history("--type", "ConfigurationChangedEvent"))
    assert told[0]["context"]["data"]["new_sha256"]
    assert not has_openssl(agent)


def test_what_compresses_a_burst_is_loaded_for_a_burst_and_not_for_single_events(agent):
    agent.configure(destinations={})
    agent.start()
    agent.post("alone")
    assert not has_isal(agent)
    agent.post(*[f"one of many, number {number}" for number in range(100)])
    assert has_isal(agent) is (platform.machine() in {"x86_64", "aarch64"})


def has_isal(agent):
    return "isal_zlib" in Path(f"/proc/{agent.process.pid}/maps").read_text()
