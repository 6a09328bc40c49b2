"""Finds what a template engine has left in a file that it should have rendered: Jinja, Helm, ERB. Pure."""

import re

PLACEHOLDER_TEXT = "holds a placeholder of a template"
PLACEHOLDER_HINT = (
    ": this file was copied and not rendered; let Ansible's template, Helm or Puppet fill it in first"
)

_PLACEHOLDER = re.compile(r"\{\{.{0,200}?\}\}|\{%.{0,200}?%\}|<%.{0,200}?%>")
_COMMENT = re.compile(r"(?:^|\s)#.*")


def find_placeholder(text: str) -> tuple[int, int] | None:
    """Return line and column of the first one, counted from 1; what stands in a comment is no value."""
    for number, line in enumerate(text.splitlines(), 1):
        if found := _PLACEHOLDER.search(_COMMENT.sub("", line)):
            return number, found.start() + 1
    return None
