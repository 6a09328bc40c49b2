"""What shells complete after `sts-agent`, from the parsers of the commands."""

import shtab
from parsers import whole_parser

_PLACES = {
    "bash": "bash-completion/completions/sts-agent",
    "zsh": "zsh/vendor-completions/_sts-agent",
    "fish": "fish/vendor_completions.d/sts-agent.fish",
}
"""Where each shell looks, below /usr/share."""


def scripts() -> dict[str, str]:
    """Return the text of each script by its place."""
    parser = whole_parser()
    return {place: shtab.complete(parser, shell) for shell, place in _PLACES.items()}
