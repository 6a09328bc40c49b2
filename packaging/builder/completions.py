"""What shells complete after `sts-agent`, from the parsers of the commands.

Packages bring them for every shell; `packaging/install` has them written for the shells of the host: `completions.py /usr/share`.
"""

import sys
from pathlib import Path

import shtab
from parsers import whole_parser

_PLACES = {
    "bash": "bash-completion/completions/sts-agent",
    "zsh": "zsh/vendor-completions/_sts-agent",
    "fish": "fish/vendor_completions.d/sts-agent.fish",
}
"""Where each shell looks, below /usr/share."""
SITE_FUNCTIONS = "zsh/site-functions/_sts-agent"
"""Where zsh looks on systems other than Debian's kin."""


def scripts() -> dict[str, str]:
    """Return the text of each script by its place."""
    parser = whole_parser()
    return {place: shtab.complete(parser, shell) for shell, place in _PLACES.items()}


def main() -> None:
    """Write each script below a directory where its shell has a place for it already."""
    for place, text in scripts().items():
        others = [SITE_FUNCTIONS] if place == _PLACES["zsh"] else []
        for path in (Path(sys.argv[1], one) for one in (place, *others)):
            if path.parent.is_dir():
                path.write_text(text)
                break


if __name__ == "__main__":
    main()
