"""One transaction changes hundreds of files: whose doing each was is found without reading its log for each."""

import sys
import time

from collectors._origin.evidence import Origins

PACKAGES = 100
STATES = ("half-configured", "unpacked", "half-installed", "unpacked", "half-configured", "installed")


def transaction(root, began):
    """Have dpkg upgrade packages with a file each, ten a second."""
    lines = []
    for number in range(PACKAGES):
        second = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(began + number // 10))
        lines.append(f"{second} upgrade part-{number}:all 1 2")
        lines += [f"{second} status {state} part-{number}:all 2" for state in STATES]
        own = root / f"var/lib/dpkg/info/part-{number}.list"
        own.parent.mkdir(parents=True, exist_ok=True)
        own.write_text(f"/etc/app/part-{number}\n")
    log = root / "var/log/dpkg.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text("\n".join(lines) + "\n")


def calls_of(work):
    """Return how many calls of functions a piece of work takes, whatever the machine does beside it."""
    count = 0

    def counted(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counted)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


def test_the_files_of_one_transaction_each_have_their_package_and_cost_little_more_than_its_seconds(tmp_path):
    began = int(time.time()) - 60
    transaction(tmp_path, began)
    names = []

    def ask(origins, numbers):
        for number in numbers:
            at = began + number // 10 + 0.5
            names.append(
                origins.of_file(f"/etc/app/part-{number}", at, is_recent=False).as_data()["origin_name"]
            )

    one_a_second = calls_of(lambda: ask(Origins(tmp_path), range(0, PACKAGES, 10)))
    names.clear()
    every_file = calls_of(lambda: ask(Origins(tmp_path), range(PACKAGES)))
    assert names == [f"part-{number} 2" for number in range(PACKAGES)]
    assert every_file < 2 * one_a_second


def test_what_dpkg_has_written_since_counts_also_for_a_second_that_was_asked_for(tmp_path):
    began = int(time.time()) - 60
    transaction(tmp_path, began)
    log = tmp_path / "var/log/dpkg.log"
    whole = log.read_text()
    log.write_text(whole.splitlines(keepends=True)[0].replace("part-0", "other"))
    origins = Origins(tmp_path)
    assert (
        origins.of_file("/etc/app/part-0", began + 0.5, is_recent=False).as_data()["origin_name"]
        == "package other 2"
    )
    log.write_text(whole)
    assert (
        origins.of_file("/etc/app/part-0", began + 0.5, is_recent=False).as_data()["origin_name"]
        == "part-0 2"
    )
