"""A soak as an SVG picture: one small panel a figure, over hours. Plain text, no library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.soak.watch import Sample

WIDTH: Final = 760
PANEL: Final = 92
LEFT: Final = 70
RIGHT: Final = 20
HEAD: Final = 34
POINTS: Final = 300  # of a line; more are thinned
PANELS: Final = (
    ("daemon_mb", "daemon, MB resident"),
    ("engine_mb", "engine process, MB resident"),
    ("descriptors", "daemon, open descriptors"),
    ("threads", "daemon, threads"),
    ("lag_s", "loop lag, s (99th percentile since the look before)"),
    ("journal_mb", "journal, MB"),
    ("results_mb", "results folder, MB"),
    ("orders", "orders"),
)


def svg(samples: Sequence[Sample], title: str) -> str:
    """Return the picture. Colours follow the reader's light or dark theme."""
    height = HEAD + PANEL * len(PANELS) + 24
    rows = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{title}" font-family="sans-serif" font-size="11">',
        "<style>text{fill:#24292f}.line{fill:none;stroke:#0969da;stroke-width:1.4}.grid{stroke:#8b949e;"
        "stroke-width:.4}svg{background:#fff}@media(prefers-color-scheme:dark){text{fill:#e6edf3}"
        ".line{stroke:#58a6ff}svg{background:#0d1117}}</style>",
        f'<text x="{LEFT}" y="20" font-size="14" font-weight="bold">{title}</text>',
    ]
    step = max(1, len(samples) // POINTS)
    shown = list(samples[::step])
    hours = max(shown[-1].seconds / 3600, 1e-9)
    for number, (name, words) in enumerate(PANELS):
        rows += _panel(shown, name, words, HEAD + number * PANEL, hours)
    foot = height - 8
    rows.append(f'<text x="{LEFT}" y="{foot}">0 h</text>')
    rows.append(f'<text x="{WIDTH - RIGHT}" y="{foot}" text-anchor="end">{hours:.2f} h</text></svg>')
    return "\n".join(rows) + "\n"


def _panel(samples: Sequence[Sample], name: str, words: str, top: int, hours: float) -> list[str]:
    values = [float(getattr(sample, name)) for sample in samples]
    high = max(values) * 1.1 or 1.0
    base, room = top + PANEL - 12, PANEL - 34
    wide = (WIDTH - LEFT - RIGHT) / 3600 / hours
    points = " ".join(
        f"{LEFT + wide * sample.seconds:.1f},{base - room * value / high:.1f}"
        for sample, value in zip(samples, values, strict=True)
    )
    return [
        f'<text x="{LEFT}" y="{top + 12}">{words}</text>',
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base}" y2="{base}"/>',
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{base - room}" y2="{base - room}"/>',
        f'<text x="{LEFT - 6}" y="{base + 3}" text-anchor="end">0</text>',
        f'<text x="{LEFT - 6}" y="{base - room + 3}" text-anchor="end">{high:.4g}</text>',
        f'<polyline class="line" points="{points}"/>',
    ]


def write_svg(path: Path, samples: Sequence[Sample], title: str) -> None:
    """Write the picture."""
    path.write_text(svg(samples, title), encoding="utf-8")
