"""A small plot as SVG: a few lines over one axis of sizes, so that flat looks flat. Written by hand, of no library.

The x axis is logarithmic, since sizes grow by factors; the y axis starts at 0, since costs are compared.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT = 640, 260
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 180, 34, 40
_COLOURS = ("#0b6e4f", "#c98a00", "#b3261e", "#3b5b92")

Points = Sequence[tuple[float, float]]
"""(size, cost), smallest size first."""


@dataclass(frozen=True, slots=True)
class Plot:
    """What one picture shows; `lines` has the points of each name."""

    title: str
    sizes: str
    cost: str
    lines: Mapping[str, Points]

    def svg(self) -> str:
        """Return the picture."""
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="11">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            _text(_LEFT, 16, f"{self.title}: {self.cost}", size=13),
            _text(_LEFT, _HEIGHT - 6, self.sizes),
            *self._axes(),
        ]
        for row, ((name, points), colour) in enumerate(zip(self.lines.items(), _COLOURS, strict=False)):
            parts += self._line(points, colour)
            parts.append(_text(_WIDTH - _RIGHT + 12, _TOP + 10 + 16 * row, name, colour=colour))
        return "\n".join([*parts, "</svg>", ""])

    def _axes(self) -> list[str]:
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        parts = [f'<path d="M{_LEFT},{_TOP} V{bottom} H{right}" fill="none" stroke="#777"/>']
        for share in (0.0, 0.5, 1.0):
            y = bottom - share * (bottom - _TOP)
            parts.append(_text(_LEFT - 6, y + 4, short(share * self._top()), anchor="end"))
            parts.append(f'<path d="M{_LEFT},{y:.1f} H{right}" stroke="#ddd"/>')
        sizes = (_text(self._x(size), bottom + 16, short(size), anchor="middle") for size in self._sizes())
        return [*parts, *sizes]

    def _line(self, points: Points, colour: str) -> list[str]:
        at = [f"{self._x(size):.1f},{self._y(cost):.1f}" for size, cost in points]
        dots = [
            f'<circle cx="{x}" cy="{y}" r="3" fill="{colour}"/>' for x, y in (one.split(",") for one in at)
        ]
        return [
            f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{" ".join(at)}"/>',
            *dots,
        ]

    def _sizes(self) -> list[float]:
        return sorted({size for points in self.lines.values() for size, _ in points})

    def _top(self) -> float:
        return 1.15 * max((cost for points in self.lines.values() for _, cost in points), default=1) or 1

    def _x(self, size: float) -> float:
        sizes = [math.log(one) for one in self._sizes()]
        span = sizes[-1] - sizes[0] or 1
        return _LEFT + 14 + (math.log(size) - sizes[0]) / span * (_WIDTH - _RIGHT - _LEFT - 28)

    def _y(self, cost: float) -> float:
        bottom = _HEIGHT - _BOTTOM
        return bottom - cost / self._top() * (bottom - _TOP)


def short(value: float) -> str:
    """Return a number as an axis has room for it: 1.5, 300, 10k, 1M."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:.3g}{name}"
    return f"{value:.3g}"


def _text(
    x: float, y: float, said: str, *, anchor: str = "start", colour: str = "#222", size: int = 11
) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}">{escape(said)}</text>'
