import pytest

from collectors._host.boot import INITIAL_PID_NAMESPACE, parse_os_release, parse_start_ticks, read_boot
from collectors.collector import CollectorError, NotApplicable

BOOT_ID = "402365d9-1032-488a-8f19-43f831096e4a"
STAT = "1 (sys temd) (x) S 0 1 1 0 -1 4194560 2182 9833 29 24 3 6 5 6 20 0 1 0 159742 20189184 2823\n"


@pytest.fixture
def root(tmp_path):
    def write(path, text):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    def make(*, namespace=INITIAL_PID_NAMESPACE, init="systemd"):
        write("proc/sys/kernel/random/boot_id", BOOT_ID + "\n")
        write("proc/1/stat", STAT)
        if init is not None:
            write("proc/1/comm", init + "\n")
        write("etc/os-release", 'NAME="Debian GNU/Linux"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')
        (tmp_path / "proc/self/ns").mkdir(parents=True)
        (tmp_path / "proc/self/ns/pid").symlink_to(namespace)
        return tmp_path

    return make


def read(root):
    return read_boot(root, read_kernel=lambda: "6.1.0-17-amd64", ticks_per_second=100)


def test_a_host_is_known_by_its_boot_id(root):
    boot = read(root())
    assert boot.identity == BOOT_ID
    assert (boot.kernel, boot.os) == ("6.1.0-17-amd64", "Debian GNU/Linux 12 (bookworm)")
    assert boot.init_started == 0


@pytest.mark.parametrize("init", ["systemd", "init", "process_api"])
def test_a_host_has_boots_whatever_its_init_is_called(root, init):
    assert read(root(init=init)).boot_id == BOOT_ID


def test_a_container_with_an_init_is_known_by_the_start_of_its_init_too(root):
    boot = read(root(namespace="pid:[4026532188]"))
    assert boot.in_container
    assert boot.init_started == 1597.42
    assert boot.identity == f"{BOOT_ID}:1597.42"


def test_a_container_is_known_by_the_boot_id_that_its_init_sees(root):
    container = root(namespace="pid:[4026532188]")
    seen_by_init = container / "proc/1/root/proc/sys/kernel/random/boot_id"
    seen_by_init.parent.mkdir(parents=True)
    seen_by_init.write_text("its-own\n")
    assert read(container).boot_id == "its-own"


@pytest.mark.parametrize("init", ["python3", "tini", "docker-init", "bash"])
def test_a_container_without_an_init_of_its_own_has_no_boots(root, init):
    with pytest.raises(NotApplicable):
        read(root(namespace="pid:[4026532188]", init=init))


def test_where_init_is_hidden_systemd_is_known_by_its_directory(root):
    container = root(namespace="pid:[4026532188]", init=None)
    with pytest.raises(NotApplicable):
        read(container)
    (container / "run/systemd/system").mkdir(parents=True)
    assert read(container).in_container


def test_a_hidden_boot_id_is_an_error_that_names_the_remedy(root):
    host = root()
    (host / "proc/sys/kernel/random/boot_id").unlink()
    with pytest.raises(CollectorError, match="ProcSubset"):
        read(host)


def test_the_start_of_a_process_is_found_behind_any_name():
    assert parse_start_ticks(STAT) == 159742
    assert parse_start_ticks("") == 0


def test_a_system_without_a_pretty_name_is_called_by_its_name():
    assert parse_os_release("NAME=Void\nID=void\n") == "Void"
    assert parse_os_release("") == ""
