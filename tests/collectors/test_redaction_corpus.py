"""How many secrets of real forms leave the host, by kind, and how many ordinary lines are masked needlessly."""

import json
from collections import Counter
from pathlib import Path

import pytest

from collectors._files.budget import Budget
from collectors._files.diff import unified
from collectors._files.structure import changes
from collectors._redaction.line import Mask
from collectors._redaction.redact import Redactor, secret_keys
from collectors._redaction.vocabulary import Vocabulary
from collectors._redaction.walk import walked

HERE = Path(__file__).parent
KEY = b"k" * 32
CORPUS = json.loads((HERE / "redaction_corpus.json").read_text())["forms"]
OURS = json.loads((HERE / "redaction_forms.json").read_text())["forms"]
PRODUCTS = json.loads((HERE / "redaction_products.json").read_text())["forms"]
FORMS = {"corpus": CORPUS, "ours": OURS, "products": PRODUCTS}


def each_line(before):
    return lambda text: "".join(before + line for line in text.splitlines(keepends=True))


VARIANTS = {
    "plain": lambda text: text,
    "commented with #": each_line("#"),
    "commented with # and a blank": each_line("# "),
    "commented with //": each_line("//"),
    "indented": each_line("    "),
    "with CRLF": lambda text: text.replace("\n", "\r\n"),
}
MOST = {"plain": 0.03, "indented": 0.03, "with CRLF": 0.03}
MOST_COMMENTED = 0.06
MOST_OF_A_KIND = 0.2
NEVER_TOLD = {"homeassistant"}
"""A file of this name has no diff at all."""


def swapped(secret):
    return secret[:-1] + ("8" if secret[-1] != "8" else "9")


def told(form, text, secrets, how="mask"):
    """Return all that events tell of a file when it comes, when its secrets change, and when it goes."""
    redactor, budget = Redactor(KEY), Budget(60.0)
    other = text
    for secret in secrets:
        other = other.replace(secret, swapped(secret))
    before, after = getattr(redactor, how)(text), getattr(redactor, how)(other)
    path = form["path"]
    return "\n".join(
        (
            unified(path, None, before, budget),
            unified(path, before, after, budget),
            unified(path, after, None, budget),
            repr(changes(path, before, after)),
        )
    )


def leaks(secret, text):
    return secret in text or (len(secret) > 12 and secret[:10] in text)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", FORMS)
def test_nearly_no_secret_of_real_forms_leaves_the_host(name, variant, capsys):
    count, leaked, left = Counter(), Counter(), []
    for form in FORMS[name]:
        if form["free"] or form["id"] in NEVER_TOLD:
            continue
        text = told(form, VARIANTS[variant](form["text"]), form["secrets"])
        for secret in form["secrets"]:
            count[form["group"]] += 1
            if leaks(secret, text):
                leaked[form["group"]] += 1
                left.append((form["id"], secret))
    with capsys.disabled():
        kinds = ", ".join(f"{kind} {leaked[kind]}/{count[kind]}" for kind in count)
        print(f"\n{name}, {variant}: {leaked.total()}/{count.total()} ({kinds})")  # noqa: T201 - the figures are for whoever runs it
    assert leaked.total() <= MOST.get(variant, MOST_COMMENTED) * count.total(), left
    assert not [kind for kind in count if leaked[kind] > MOST_OF_A_KIND * count[kind]], left


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", FORMS)
def test_what_is_passed_over_quickly_is_what_a_closer_look_leaves_as_it_is(name, variant):
    for form in FORMS[name]:
        lines = VARIANTS[variant](form["text"]).split("\n")
        text = "\n".join(lines)
        keys = secret_keys(text, text, text.lower())
        closely = "\n".join(
            walked(Mask(KEY), Vocabulary(), lines, [True] * len(lines), extra=keys, check=lambda: None)
        )
        assert Redactor(KEY).mask("\n".join(lines)) == closely, form["id"]


LETTERS = str.maketrans("0123456789", "qwzxvkjybf")


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", FORMS)
def test_strictly_masked_no_secret_that_is_no_number_is_shown_in_any_form(name, variant):
    for form in FORMS[name]:
        shown = told(form, VARIANTS[variant](form["text"]), form["secrets"], "mask_strictly")
        assert not [s for s in form["secrets"] if not s.isdigit() and leaks(s, shown)], form["id"]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", FORMS)
def test_strictly_masked_secrets_of_plain_letters_are_not_shown_either(name, variant):
    for form in FORMS[name]:
        text, secrets = form["text"], [s.translate(LETTERS) for s in form["secrets"]]
        for secret, plain in zip(form["secrets"], secrets, strict=True):
            text = text.replace(secret, plain)
        shown = told(form, VARIANTS[variant](text), secrets, "mask_strictly")
        assert not [secret for secret in secrets if leaks(secret, shown)], form["id"]


ORDINARY = (
    "login.defs", "nsswitch.conf", "adduser.conf", "deluser.conf", "bash.bashrc", "profile", "pam.conf", "host.conf",
    "ld.so.conf", "sysctl.conf", "services", "protocols", "rpc", "networks", "gai.conf", "ssh/sshd_config", "ssh/ssh_config",
    "ssl/openssl.cnf", "nginx/nginx.conf", "apache2/apache2.conf", "logrotate.conf", "rsyslog.conf", "ca-certificates.conf",
    "mke2fs.conf", "debconf.conf", "fstab", "crontab", "environment", "hosts", "manpath.config", "xattr.conf", "issue",
)  # fmt: skip
ORDINARY_BELOW = (
    "pam.d",
    "default",
    "security",
    "systemd",
    "apt",
    "cron.d",
    "logrotate.d",
    "dpkg",
    "profile.d",
    "skel",
)


def ordinary_files(etc=Path("/etc")):
    names = [etc / name for name in ORDINARY]
    names += [path for below in ORDINARY_BELOW for path in sorted((etc / below).rglob("*"))]
    for path in names:
        if path.is_file() and path.stat().st_mode & 0o004:
            yield path.read_text(errors="replace")


def test_hardly_a_line_of_ordinary_files_is_masked(capsys):
    count, masked = 0, []
    for text in (*ordinary_files(), (HERE / "ordinary.conf").read_text()):
        for before, after in zip(text.split("\n"), Redactor(KEY).mask(text).split("\n"), strict=False):
            count += bool(before.strip())
            if before != after:
                masked.append(before)
    with capsys.disabled():
        print(f"\nordinary lines masked: {len(masked)}/{count}")  # noqa: T201 - the figures are for whoever runs it
    assert len(masked) <= 0.02 * count, masked


def test_a_long_name_before_a_short_value_is_no_token():
    for line in (
        "DefaultTimeoutStartSec=90s",
        "#DefaultTimeoutStartSec=90s",
        "UUID=0a3407de-014b-458b-b5c1-848e92a327a3 / ext4",
    ):
        assert Redactor(KEY).mask(line) == line
