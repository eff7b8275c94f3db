"""One plot that needs no library: how a quantity is distributed, as SVG."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from dispatch.problem import Floats

_COLOURS = ("#07c160", "#c0392b", "#2980b9")
_WIDTH, _HEIGHT, _LEFT, _TOP = 640, 360, 60, 40


def distribution(samples: Mapping[str, Floats], title: str, unit: str) -> str:
    """The share of each sample that lies below a value, as a step line each."""
    most = float(np.ceil(max(s.max() for s in samples.values()) / 10) * 10)
    wide, high = _WIDTH - _LEFT - 20, _HEIGHT - _TOP - 50

    def at(value: float, share: float) -> str:
        return f"{_LEFT + wide * value / most:.1f},{_TOP + high * (1 - share):.1f}"

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{title}</text>',
        f'<text x="{_LEFT + wide / 2}" y="{_HEIGHT - 10}" text-anchor="middle">{unit}</text>',
    ]
    for value in np.linspace(0, most, 6):
        x, y = at(value, 0).split(",")
        parts.append(f'<text x="{x}" y="{float(y) + 18}" text-anchor="middle">{value:.0f}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = at(0, share).split(",")
        parts.append(f'<path d="M{x},{y} h{wide}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{_LEFT - 8}" y="{float(y) + 4}" text-anchor="end">{share:.0%}</text>'
        )
    for k, (name, sample) in enumerate(samples.items()):
        ordered, colour = np.sort(sample), _COLOURS[k % len(_COLOURS)]
        points = " ".join(at(v, (i + 1) / len(ordered)) for i, v in enumerate(ordered))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
        )
        label = f"{name}: mean {sample.mean():.1f}"
        parts.append(
            f'<text x="{_WIDTH - 180}" y="{_HEIGHT - 90 + 18 * k}" fill="{colour}">{label}</text>'
        )
    return "\n".join([*parts, "</svg>"]) + "\n"
