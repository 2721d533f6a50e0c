"""A table as GitHub-flavoured markdown, its columns aligned so that the source reads as well."""

from collections.abc import Sequence

from gsam.results.layout import Grid, grids
from gsam.results.model import Table


def to_markdown(table: Table) -> str:
    """The page of one table: heading, picture, one grid per block, notes."""
    parts = [f"# Table {table.number}: {table.title}", f"![Table {table.number}]({table.name}.png)"]
    for grid in grids(table):
        parts.append(f"## {grid.title}")
        parts.append(grid_to_markdown(grid) if grid.lines else "No figures.")
    parts.append("\n".join(f"- {escape(note)}" for note in table.notes))
    return "\n\n".join(parts) + "\n"


def index_to_markdown(tables: Sequence[Table]) -> str:
    """The page that lists every table, with how much of it has been measured."""
    rows = [
        (
            f"[{table.number}]({table.name}.md)",
            table.title,
            str(table.measured_rows),
            table.dataset or "–",
            f"[csv]({table.name}.csv), [picture]({table.name}.png)",
        )
        for table in tables
    ]
    headers = ("table", "what it shows", "runs measured", "measured on", "files")
    text = markdown_table(headers, (True, True, False, True, True), rows)
    return (
        "# Tables\n\nEach published figure beside the one measured here. Where the two datasets "
        f"differ, the difference says so and compares no methods.\n\n{text}\n"
    )


def grid_to_markdown(grid: Grid) -> str:
    """One grid as a markdown table."""
    return markdown_table(grid.headers, grid.left, [line.cells for line in grid.lines])


def markdown_table(
    headers: Sequence[str], left: Sequence[bool], rows: Sequence[Sequence[str]]
) -> str:
    """An aligned markdown table; `left` says which columns hold text."""
    body = [[escape(cell) for cell in row] for row in (headers, *rows)]
    widths = [max(3, *(len(row[index]) for row in body)) for index in range(len(headers))]
    rule = [
        "-" * width if text else "-" * (width - 1) + ":"
        for width, text in zip(widths, left, strict=True)
    ]
    lines = [_line(body[0], widths, left), "| " + " | ".join(rule) + " |"]
    lines += [_line(row, widths, left) for row in body[1:]]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int], left: Sequence[bool]) -> str:
    padded = [
        cell.ljust(width) if text else cell.rjust(width)
        for cell, width, text in zip(cells, widths, left, strict=True)
    ]
    return "| " + " | ".join(padded) + " |"


def escape(text: str) -> str:
    """Text that markdown shows as it is."""
    return text.replace("|", "\\|").replace("*", "\\*").replace("<", "&lt;")
