"""A table as a picture: the grids of the markdown, drawn with fixed fonts and no timestamps."""

import io
import textwrap
from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from gsam.results.layout import Grid, Line, grids
from gsam.results.model import Table

DPI = 120
COLOURS = 32
LINE = 0.24
"""Height of one line of text in inches."""
CHARACTER = 0.078
"""Width of one average character at `SIZE`, in inches."""
SIZE = 9.0
GAP = 0.22
MARGIN = 0.35
HEADER_CHARACTERS = 13
REMARK_CHARACTERS = 46
INK, SOFT, RULE, BAND = "#1a1a1a", "#6b6b6b", "#444444", "#f3f5f8"

STYLE: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": SIZE,
    "text.hinting": "none",
    "text.antialiased": True,
    "path.simplify": False,
}


def to_png(table: Table) -> bytes:
    """The picture's bytes: the same table gives the same bytes."""
    with matplotlib.rc_context(STYLE):
        drawn = [_wrapped(grid) for grid in grids(table)]
        widths = [_widths(grid) for grid in drawn]
        width = max(sum(own) + GAP * (len(own) - 1) for own in widths) + 2 * MARGIN
        notes = _note_lines(table.notes, width)
        height = _height(drawn, len(notes))
        figure = Figure(figsize=(width, height), dpi=DPI)
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, width)
        axes.set_ylim(height, 0)
        _draw(axes, table, drawn, widths, notes, width)
        canvas.draw()
        drawn_pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    buffer = io.BytesIO()
    # A few greys are all there is: a palette makes the file a quarter as large.
    drawn_pixels.quantize(COLOURS).save(buffer, format="png", optimize=True)
    return buffer.getvalue()


def _wrapped(grid: Grid) -> Grid:
    """Long headers and remarks on several lines."""
    headers = tuple(_fold(header, HEADER_CHARACTERS) for header in grid.headers)
    lines = tuple(
        Line(tuple(_fold(cell, REMARK_CHARACTERS) for cell in line.cells), line.quiet, line.opens)
        for line in grid.lines
    )
    return Grid(grid.title, headers, grid.left, lines)


def _fold(text: str, width: int) -> str:
    return "\n".join(textwrap.wrap(text, width, break_long_words=False)) or text


def _widths(grid: Grid) -> list[float]:
    """Column widths in inches, from the longest line of text in each."""
    texts = [grid.headers, *(line.cells for line in grid.lines)]
    longest = [
        max(len(part) for row in texts for part in row[index].split("\n"))
        for index in range(len(grid.headers))
    ]
    return [max(3, count) * CHARACTER for count in longest]


def _rows_of(cells: Sequence[str]) -> int:
    return max(cell.count("\n") + 1 for cell in cells)


def _height(drawn: Sequence[Grid], notes: int) -> float:
    text = sum(
        2.4 + _rows_of(grid.headers) + sum(_rows_of(line.cells) for line in grid.lines)
        for grid in drawn
    )
    return 2 * MARGIN + LINE * (2.0 + text + 0.9 * notes)


def _note_lines(notes: Sequence[str], width: float) -> list[str]:
    # Notes are set smaller than the grids.
    characters = int((width - 2 * MARGIN) / (0.8 * CHARACTER))
    return [
        line
        for note in notes
        for line in textwrap.wrap(note, characters, subsequent_indent="   ", initial_indent="•  ")
    ]


def _draw(
    axes: Axes,
    table: Table,
    drawn: Sequence[Grid],
    widths: Sequence[Sequence[float]],
    notes: Sequence[str],
    width: float,
) -> None:
    y = MARGIN + LINE / 2
    title = f"Table {table.number}. {table.title}"
    axes.text(MARGIN, y, title, size=13, weight="bold", color=INK, va="center")
    y += LINE * 1.5
    for grid, own in zip(drawn, widths, strict=True):
        y = _draw_grid(axes, grid, own, y, width - MARGIN)
    for note in notes:
        axes.text(MARGIN, y, note, size=SIZE - 1, color=SOFT, va="center")
        y += 0.9 * LINE


def _draw_grid(axes: Axes, grid: Grid, widths: Sequence[float], top: float, right: float) -> float:
    """Draw one grid under `top`; returns where the next one starts."""
    y = top + LINE / 2
    axes.text(MARGIN, y, grid.title, size=10.5, weight="bold", color=INK, va="center")
    y += LINE * 0.7
    _rule(axes, right, y, 1.0)
    rows = _rows_of(grid.headers)
    _draw_line(axes, grid.headers, grid.left, widths, y + LINE * rows / 2, INK, "bold")
    y += LINE * rows
    _rule(axes, right, y, 0.6)
    group = 1
    for line in grid.lines:
        rows = _rows_of(line.cells)
        group += line.opens
        if group % 2 == 1:
            axes.fill_between([MARGIN, right], y, y + LINE * rows, color=BAND, linewidth=0)
        colour = SOFT if line.quiet else INK
        _draw_line(axes, line.cells, grid.left, widths, y + LINE * rows / 2, colour, "normal")
        y += LINE * rows
    _rule(axes, right, y, 1.0)
    return y + LINE * 1.2


def _rule(axes: Axes, right: float, y: float, width: float) -> None:
    axes.plot([MARGIN, right], [y, y], color=RULE, linewidth=width)


def _draw_line(
    axes: Axes,
    cells: Sequence[str],
    left: Sequence[bool],
    widths: Sequence[float],
    y: float,
    colour: str,
    weight: str,
) -> None:
    x = MARGIN
    for cell, text, width in zip(cells, left, widths, strict=True):
        axes.text(
            x if text else x + width,
            y,
            cell,
            color=colour,
            weight=weight,
            ha="left" if text else "right",
            va="center_baseline" if "\n" not in cell else "center",
            linespacing=1.15,
        )
        x += width + GAP
