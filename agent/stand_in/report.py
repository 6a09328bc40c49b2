"""What a receiver has seen, counted: which event broke which rule, and what was refused."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

_MOST_TEXTS = 1000


@dataclass(slots=True)
class Report:
    """Grows while a receiver runs, within bounds; its lines are for people, `to_json` for programs."""

    requests: int = 0
    accepted: int = 0
    """Events, not requests."""
    by_name: Counter[str] = field(default_factory=Counter)
    repeated: int = 0
    """Events whose source_identifier was seen before."""
    refused: Counter[str] = field(default_factory=Counter)
    """Requests that were not accepted, by status and text."""
    broken: Counter[str] = field(default_factory=Counter)
    """Broken rules: the event, the place in it, the rule."""

    def refuse(self, text: str) -> None:
        """Count a request that was not accepted."""
        _count(self.refused, text)

    def broke(self, text: str) -> None:
        """Count a broken rule."""
        _count(self.broken, text)

    def lines(self) -> list[str]:
        """Return the report as lines of text."""
        again = f"{self.repeated} of them sent again"
        lines = [
            f"{self.requests} requests, {self.accepted} events accepted, {again}, {self.refused.total()} refusals"
        ]
        lines += [f"  {count:6} {name}" for name, count in self.by_name.most_common()]
        lines += [f"  refused {count}x: {text}" for text, count in self.refused.most_common()]
        lines += [f"  broken {count}x: {text}" for text, count in self.broken.most_common()]
        if not self.broken:
            lines.append("  no rule was broken")
        return lines

    def to_json(self) -> dict[str, Any]:
        """Return the report as plain values."""
        return {
            "requests": self.requests,
            "accepted": self.accepted,
            "events": dict(self.by_name),
            "repeated": self.repeated,
            "refused": dict(self.refused),
            "broken": dict(self.broken),
        }


def _count(counter: Counter[str], text: str) -> None:
    counter[text if text in counter or len(counter) < _MOST_TEXTS else "(more)"] += 1
