"""What stands between a name and its value: `=`, `: `, `=>`, a comma, a parenthesis, or nothing but blanks. Pure."""

from collectors._redaction.extent import Pieces
from collectors._redaction.tokens import Token
from collectors._redaction.values import looks_secret

_ASSIGNS = frozenset("=:>+?!~\uff1d\uff1a\u2192")
_BLOCKS = frozenset({"tokens", "passwords", "secrets", "credentials"})
"""Names of blocks of secrets: `tokens { agent = "…" }`."""


def separator(pieces: Pieces, start: int, name: Token) -> tuple[str, int]:
    """Return how what follows a name gives it a value, and where the value begins."""
    at, there = _behind_name(pieces, start)
    has_closed = at > start
    if there >= len(pieces):
        return "end", there
    text = pieces.tokens[there].text
    if text in _ASSIGNS:
        end = there + 1
        while end < there + 3 and pieces.is_at(end, _ASSIGNS):
            end += 1
        sign = "".join(token.text for token in pieces.tokens[there:end])
        is_ldif = sign == "::" and pieces.after_space(end) > end
        is_sign = (
            is_ldif
            or not sign.startswith(("::", ">", "~", "!", "?", "+"))
            or sign[1:2] == "="
            or sign == "=~"
        )
        is_sign = is_sign and not (
            sign.endswith(":") and pieces.is_at(end, "/") and pieces.is_at(end + 1, "/")
        )
        return ("assigned", pieces.after_space(end)) if is_sign else ("none", end)
    is_variable = pieces.text[max(0, name.start - 1) : name.start] == "$"
    if text == "," and (
        has_closed or is_variable or name.text[:1].islower() or name.text.startswith("CURLOPT_")
    ):
        value = pieces.after_space(there + 1)
        if value >= len(pieces):
            return "end", value
        if (
            pieces.is_at(value, "<")
            or (has_closed and pieces.is_at(value, "["))
            or (pieces.is_quote(value) and not _is_key(pieces, value))
        ):
            return "listed", value
    if text == "(" and pieces.is_quote(pieces.after_space(there + 1)):
        return "called", pieces.after_space(there + 1)
    if there > at and pieces.text[max(0, name.start - 1) : name.start] == "&":  # an anchor of YAML
        return "assigned", there
    if there > at and name.text in _BLOCKS and pieces.is_at(there, "{"):
        return "assigned", there
    is_block = pieces.is_at(there, "{") and not pieces.is_word(there + 1)  # `key "tsig" {`
    return ("spaced", there) if there > at and not is_block else ("none", there)


def _behind_name(pieces: Pieces, start: int) -> tuple[int, int]:
    """Return where what closes a name ends, and where the sign behind it is."""
    at = start
    while at < start + 3 and (pieces.is_quote(at) or pieces.is_at(at, frozenset("])"))):
        at += 1
    if pieces.is_at(at, "@") and pieces.is_at(at + 2, "="):  # set password-me@host=…
        at += 2
    if pieces.is_at(at, "}") and _is_given_text(pieces, pieces.after_space(at + 1)):
        at += 1
    there = pieces.after_space(at)
    if all(pieces.is_at(there + place, sign) for place, sign in enumerate("||=")):
        there += 2
    return at, there


def _is_given_text(pieces: Pieces, sign: int) -> bool:
    """Return whether a sign gives a text: `$ENV{API_KEY} = "…"`, Apache's `%{HTTP:X-Token} == "…"`."""
    if pieces.is_at(sign + 1, "=") and pieces.tokens[sign - 1].kind == "space":
        sign += 1
    return pieces.is_at(sign, "=") and pieces.is_quote(pieces.after_space(sign + 1))


def _is_key(pieces: Pieces, quote: int) -> bool:
    """Return whether what is quoted from `quote` on is a key itself."""
    behind = pieces.after_space(pieces.closing(quote) + 1)
    return pieces.is_at(behind, ":")


def behind_tags(pieces: Pieces, value: int) -> int:
    """Return where the value begins behind YAML's tags and anchors; at the first where nothing follows, as a password like `!x`."""
    begins = value
    while (
        pieces.is_at(value, frozenset("!&"))
        and value + 1 < len(pieces)
        and pieces.tokens[value + 1].kind == "word"
        and pieces.after_space(value + 2) > value + 2
    ):
        value = pieces.after_space(value + 2)
    return value if value < len(pieces) else begins


def behind_doubled(pieces: Pieces, value: int, enclosing: str) -> int:
    """Return where a value begins behind a quote that SQL doubles within a text: `'… PASSWORD ''…''…'`."""
    shell = pieces.tokens[value : value + 3]
    if enclosing == "'" and [piece.text for piece in shell] == ["'", "\\'", "'"]:
        return value + 3  # a shell's way to write a quote within quotes
    quotes = pieces.tokens[value : value + 2]
    is_doubled = len(quotes) > 1 and all(quote.text == enclosing != "" for quote in quotes)
    return value + 2 if is_doubled and pieces.is_word(value + 2) else value


def is_tagged(pieces: Pieces, value: int) -> bool:
    """Return whether what brackets enclose is a part of the value: a word, as in `{noop}…`, `{AES}…`, or nothing, as in `()…`."""
    if pieces.is_at(value + 1, ")]}") and pieces.is_word(value + 2):
        return True
    tokens = pieces.tokens[value : value + 4]
    return (
        len(tokens) == 4  # noqa: PLR2004 - the brace, the word, the brace, the value
        and tokens[0].text == "{"
        and tokens[2].text == "}"
        and tokens[3].kind != "space"
        and tokens[3].text not in ",;)}]&"
    )


def list_end(pieces: Pieces, index: int) -> int:
    """Return where in the line a word ends, or a list of words behind commas where each looks like a secret: `cookie_keys=…,…`."""
    end = pieces.word_end(index, ",;")
    while pieces.is_at(end, ",") and end + 1 < len(pieces):
        following = pieces.word_end(end + 1, ",;")
        if not looks_secret(pieces.text[pieces.start(end + 1) : pieces.start(following)]):
            break
        end = following
    return pieces.start(end)
