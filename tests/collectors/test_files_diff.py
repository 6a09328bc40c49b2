"""Which text may leave the host: only what everybody may read anyway, never files of secrets, masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collectors._files.budget import Budget
from collectors._files.diff import CUT, MAX_DIFF_BYTES, compress, decompress, unified
from collectors._files.entry import FilesEntry
from collectors._files.reading import Moment
from collectors._files.selection import Scope, Selection
from collectors._files.texts import _NEVER_SIGNS, MAX_LINES, MAX_TEXT_BYTES, NEVER, Readers, Texts, may_tell
from collectors._redaction.redact import Redactor
from collectors.collector import Duration, Scoped
from collectors.files import FilesCollector

OPEN, CLOSED = 0o100644, 0o100640


def allowed(path="/etc/x", *, diff="auto", literal=False, mode=OPEN, is_public=True):
    choice = Selection([Scope((path if literal else "/etc/**",), diff=diff)]).choose(path)
    return may_tell((path,), choice, Readers(bool(mode & 0o004), is_public))


def test_auto_shows_what_everybody_may_read_and_reach():
    assert allowed()
    assert not allowed(mode=CLOSED)
    assert not allowed(is_public=False), "0644 below a 0700 directory is private"


def test_never_shows_nothing():
    assert not allowed(diff="never")
    assert not allowed(diff="never", literal=True)


def test_always_shows_a_file_not_everybody_may_read_only_when_it_is_named_literally():
    assert not allowed(diff="always", mode=CLOSED)
    assert allowed(diff="always", mode=CLOSED, literal=True)
    assert allowed(diff="always", is_public=False)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/sudoers", "/etc/sudoers.d/admin",
        "/etc/ssl/private/x.crt", "/etc/letsencrypt/live/h/cert", "/etc/ssh/ssh_host_ed25519_key",
        "/etc/ssh/ssh_host_ed25519_key.pub", "/etc/x.key", "/etc/a/b.pem",
        "/etc/security/opasswd", "/etc/ppp/chap-secrets", "/etc/ipsec.secrets", "/etc/rsyncd.secrets",
        "/etc/postfix/sasl_passwd", "/etc/exim4/passwd.client", "/etc/dovecot/users", "/etc/nginx/.htpasswd",
        "/srv/app/.netrc", "/srv/app/.pgpass", "/srv/app/.git-credentials", "/srv/app/.vault_pass",
        "/srv/app/secrets.yml", "/srv/.aws/credentials", "/srv/app/db_password", "/srv/app/api_key",
        "/run/secrets/db", "/etc/krb5.keytab",
    ],
)  # fmt: skip
@pytest.mark.parametrize("diff", ["auto", "always"])
def test_files_of_secrets_are_never_shown_whatever_is_configured(path, diff):
    assert not allowed(path, diff=diff, literal=True)


@given(st.from_regex(NEVER, fullmatch=True))
def test_the_path_of_each_file_of_secrets_has_a_sign_of_it(path):
    assert any(sign in path for sign in _NEVER_SIGNS)


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd", "/etc/pam.d/common-password", "/etc/pam.d/passwd", "/etc/login.defs", "/etc/tokenizer.conf",
        "/etc/nginx/nginx.conf", "/etc/ssl/openssl.cnf", "/etc/apt/keyrings.list",
    ],
)  # fmt: skip
def test_files_that_only_sound_like_secrets_are_shown(path):
    assert allowed(path)


def text_or_why_not(data, *, everybody=True, **scope):
    choice = Selection([Scope(("/etc/**",), **scope)]).choose("/etc/x")
    moment = Moment(None, b"", data, {})
    return Texts(Redactor(b"k"), Budget).of(moment, ("/etc/x",), choice, Readers(everybody, True))


def text(data):
    found, left_out = text_or_why_not(data)
    assert left_out == ""
    return found


LEFT_OUT = {
    b"a\0b": "it is no text in UTF-8",
    b"\xff\xfe": "it is no text in UTF-8",
    b"x" * (MAX_TEXT_BYTES + 1): "it is larger than 256 KiB",
    b"\n" * (MAX_LINES + 1): "it has more than 2000 lines",
}


@pytest.mark.parametrize("diff", ["auto", "strict"])
@pytest.mark.parametrize(("data", "why"), [*LEFT_OUT.items(), (None, "it is larger than 256 KiB")])
def test_only_text_within_bounds_is_kept_and_of_others_it_is_known_why_not(data, why, diff):
    assert text_or_why_not(data, diff=diff) == (b"", why)
    assert text_or_why_not(data, diff=diff, everybody=False) == (b"", ""), "there would be no diff anyway"
    assert text_or_why_not(data, diff="never") == (b"", "")


def test_text_within_bounds_is_kept():
    assert decompress(text(b"a = b\n")) == "a = b\n"
    assert decompress(text(b"")) == ""
    assert decompress(text(b" " * MAX_TEXT_BYTES)) == " " * MAX_TEXT_BYTES
    assert decompress(text(b"\n" * MAX_LINES)) == "\n" * MAX_LINES


def test_what_is_kept_is_masked():
    assert "hunter2" not in decompress(text(b"password = hunter2\n"))


def test_texts_of_all_sizes_come_back_as_they_were():
    for size in (0, 1, 255, 256, 5000, 200_000):
        line = "".join(chr(97 + i % 26) for i in range(size))
        assert decompress(compress(line.encode())) == line


def test_a_diff_that_is_too_long_is_cut_and_says_so():
    old = "".join(f"{i} old line of some length to fill the space\n" for i in range(MAX_LINES))
    shown = unified("/etc/x", old, old.replace("old", "new"), Budget())
    assert shown.endswith(CUT)
    assert len(shown.encode()) <= MAX_DIFF_BYTES + len(CUT.encode())


def test_a_missing_newline_at_the_end_is_shown():
    assert "+b\n\\ No newline at end of file\n" in unified("/x", "a\n", "b", Budget())


@pytest.mark.parametrize("mark", ["\f", "\v", "\x1c", "\x85", "\u2028", "\u2029", "\r"])
def test_nothing_but_a_newline_ends_a_line(mark):
    shown = unified("/x", f"a{mark}b\nc\n", f"a{mark}B\nc\n", Budget())
    assert shown.endswith(f"-a{mark}b\n+a{mark}B\n c\n")


# --- on real files


@pytest.fixture
def etc(open_path):
    directory = open_path / "etc"
    directory.mkdir()
    (directory / "x").write_text("password = first\nport = 80\n")
    (directory / "x").chmod(0o644)
    return directory


def change(record, etc, path="x", **options):
    """Return the data of the event that a change of `path` makes."""
    return changes_of(record, etc, path, **options)[-1]


def changes_of(record, etc, path="x", *, pattern="**", before=None, **options):
    """Return the data of the events that a change of `path` makes, and what is done `before` that."""
    entry = FilesEntry(paths=(f"{etc}/{pattern}",), settle=Duration(0.03), **options)
    recorder = record().start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    if before:
        before()
        recorder.wait_for_events(1)
    (etc / path).write_text("password = second\nport = 81\n")
    return [event.data for event in recorder.wait_for_events(2 if before else 1)]


def test_a_diff_shows_the_change_and_that_a_secret_changed_but_no_secret(record, etc):
    data = change(record, etc)
    assert "-port = 80\n" in data["diff"]
    assert "+password = <masked:" in data["diff"]
    assert "first" not in data["diff"]
    assert "second" not in data["diff"]
    assert [change.key for change in data["changes"]] == ["password", "port"]
    assert data["changes"][1].new == "81"


@pytest.mark.parametrize(("data", "why"), LEFT_OUT.items())
def test_a_change_from_or_to_what_is_no_text_within_bounds_says_why_it_has_no_diff(record, etc, data, why):
    def become_it():
        (etc / "x").write_bytes(data)

    first, second = changes_of(record, etc, before=become_it)
    assert first["diff_left_out"] == second["diff_left_out"] == why
    assert not {"diff", "changes"} & {*first, *second}


@pytest.mark.parametrize("change", ["modified", "deleted"])
def test_a_change_of_a_text_that_had_no_room_says_why_it_has_no_diff(record, etc, change):
    (etc / "x").write_text("port = 80\n")
    entry = FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.03))
    recorder = record().start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    recorder.memory.texts.clear()
    (etc / "x").write_text("port = 81\n") if change == "modified" else (etc / "x").unlink()
    (event,) = recorder.wait_for_events(1)
    assert event.data["change"] == change
    assert (
        event.data["diff_left_out"] == "the text before is no longer remembered: the spool had no room for it"
    )


@pytest.mark.parametrize("diff", ["auto", "never"])
def test_a_file_of_another_name_or_without_diffs_lacks_no_text(record, etc, diff):
    (etc / "x").write_text("port = 80\n")
    recorder = record().start(
        FilesCollector([Scoped(FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.03), diff=diff))])
    )
    recorder.wait_for_report("watching")
    recorder.memory.texts.clear()
    (etc / "x").rename(etc / "y")
    (event,) = recorder.wait_for_events(1)
    assert event.data["change"] == "renamed"
    assert "diff_left_out" not in event.data


def test_a_change_of_the_mode_alone_says_nothing_of_a_diff(record, etc):
    (etc / "x").write_bytes(b"a\0b")
    entry = FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.03))
    recorder = record().start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    (etc / "x").chmod(0o664)
    (event,) = recorder.wait_for_events(1)
    assert event.data["change"] == "attributes"
    assert "diff_left_out" not in event.data


def test_a_file_below_a_closed_directory_has_no_diff(record, etc):
    (etc / "inner").mkdir(mode=0o700)
    (etc / "inner" / "x").write_text("a\n")
    assert "diff" not in change(record, etc, "inner/x")


def test_a_file_that_was_closed_until_its_change_has_no_diff(record, etc):
    (etc / "x").chmod(0o600)
    entry = FilesEntry(paths=(f"{etc}/**",), settle=Duration(1.5))  # far longer than both changes take
    recorder = record().start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    (etc / "x").write_text("port = 81\n")
    (etc / "x").chmod(0o644)
    (event,) = recorder.wait_for_events(1)
    assert event.data["change"] == "modified"
    assert "diff" not in event.data


def test_a_file_that_is_closed_now_has_no_diff(record, etc):
    assert "diff" not in change(record, etc, before=lambda: (etc / "x").chmod(0o600))


def test_a_link_shows_nothing_that_not_everybody_may_read_whatever_is_configured(record, etc, tmp_path):
    (tmp_path / "private").write_text("a\n")
    (tmp_path / "private").chmod(0o600)
    (etc / "link").symlink_to(tmp_path / "private")
    data = change(record, etc, "link", pattern="link", diff="always")
    assert data["change"] == "modified"
    assert "diff" not in data


def test_no_text_of_a_file_without_diffs_is_remembered(record, etc):
    entry = FilesEntry(paths=(f"{etc}/**",), diff="never")
    recorder = record().start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    assert not any(b"port" in value for value in recorder.memory.kept.values())


def test_strict_shows_a_number_that_changed_and_the_hash_of_a_word_that_did(record, etc):
    data = change(record, etc, diff="strict")
    assert "-port = 80\n" in data["diff"]
    assert "+password = <masked:" in data["diff"]
    (etc / "x").write_text("name = shop\n")
    data = change(record, etc, diff="strict")
    assert "-name = <masked:" in data["diff"]
    assert "shop" not in str(data)


def test_a_text_remembered_less_carefully_than_now_is_not_shown(record, etc):
    def watch(diff, *memory):
        entry = FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.03), diff=diff)
        recorder = record(*memory).start(FilesCollector([Scoped(entry)]))
        recorder.wait_for_report("watching")
        return recorder

    (etc / "x").write_text("name = shop\n")
    before = watch("auto")
    before.end()
    after = watch("strict", before.memory)
    (etc / "x").unlink()
    (event,) = after.wait_for_events(1)
    assert event.data["change"] == "deleted"
    assert "shop" not in str(event.data)


@pytest.mark.parametrize("name", ["ghp_" + "a1B2" * 9, "backup-password=hunter2"])
def test_a_secret_in_the_name_of_a_file_or_the_target_of_a_link_is_not_told(record, etc, name):
    entry = FilesEntry(paths=(f"{etc}/**",), settle=Duration(0.03))
    recorder = record().start(FilesCollector([Scoped(entry)]))
    recorder.wait_for_report("watching")
    (etc / name).write_text("a\n")
    (etc / "link").symlink_to(f"/nowhere/{name}")
    secret = name.rpartition("=")[2]
    for event in recorder.wait_for_events(2):
        assert secret not in f"{event.title} {event.text} {event.data}"
        assert "<masked:" in str(event.data)
