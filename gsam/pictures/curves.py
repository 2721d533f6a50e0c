"""Validation curves of several trainings side by side: the mesh paper's Figure 2."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from gsam.storage import atomic_path

__all__ = ["Curve", "draw_curves"]

Curve = Sequence[tuple[float, float]]
"""(epoch, value) pairs."""

COLOURS = ("#2f6fdb", "#e8590c", "#868e96", "#2b8a3e", "#862e9c")
PANEL_INCHES, HEIGHT_INCHES, DPI = 3.6, 3.0, 110


def draw_curves(
    panels: Mapping[str, Mapping[str, Sequence[Curve]]], title: str, path: Path
) -> None:
    """Write a PNG with one panel per measure; equal curves give equal bytes.

    panels: by the measure's name, then by the training's: its seeds' curves, drawn in one colour.
    """
    figure = Figure(figsize=(PANEL_INCHES * len(panels), HEIGHT_INCHES), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    for axis, (measure, trainings) in zip(axes, panels.items(), strict=True):
        for colour, (name, seeds) in zip(COLOURS, trainings.items(), strict=False):
            for number, curve in enumerate(seeds):
                label = name if number == 0 else None
                axis.plot(*zip(*curve, strict=True), color=colour, label=label, marker=".")
        axis.set_title(measure, fontsize=9)
        axis.set_xlabel("epoch", fontsize=8)
        axis.tick_params(labelsize=8)
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.suptitle(title, fontsize=9)
    figure.tight_layout()
    canvas.draw()
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    with atomic_path(path) as temporary:
        temporary.write_bytes(buffer.getvalue())
