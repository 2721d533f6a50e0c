"""A table as tidy CSV: one line per figure, so that any tool can filter and pivot it."""

import csv
import io

from gsam.results.model import Block, Cell, Column, Row, Table

HEADER = (
    "table",
    "block",
    "method",
    "described_by",
    "run",
    "keypoints",
    "column",
    "metric",
    "average",
    "published_on",
    "published",
    "measured_on",
    "measured",
    "half_range",
    "seeds",
    "difference",
    "comparable",
    "beats_baselines",
    "state",
    "remark",
    "parameters_published_millions",
    "parameters_full",
    "parameters_trained",
)


def to_csv(table: Table) -> str:
    """Every cell of the table; an empty field means that there is no such figure."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for block in table.blocks:
        for row in block.rows:
            for column, cell in zip(block.columns, row.cells, strict=True):
                writer.writerow(_line(table, block, row, column, cell))
    return out.getvalue()


def _line(table: Table, block: Block, row: Row, column: Column, cell: Cell) -> list[str]:
    described = zip(table.describe, row.describe, strict=True)
    measured = cell.measured
    difference = cell.difference
    return [
        table.number,
        block.title,
        row.label,
        "; ".join(f"{header}={text}" for header, text in described if text),
        row.run,
        row.keypoints,
        column.header,
        column.metric,
        column.average,
        table.published_on if cell.published else "",
        cell.published,
        table.dataset if measured else "",
        f"{measured.mean:.3f}" if measured else "",
        f"{measured.half_range:.3f}" if measured and measured.seeds > 1 else "",
        str(measured.seeds) if measured else "",
        f"{difference:.3f}" if difference is not None else "",
        _yes_no(table.comparable if difference is not None else None),
        _yes_no(row.beats_baselines),
        row.state,
        row.remark,
        row.parameters.published,
        _count(row.parameters.full),
        _count(row.parameters.trained),
    ]


def _yes_no(value: bool | None) -> str:
    return "" if value is None else ("yes" if value else "no")


def _count(value: int | None) -> str:
    return "" if value is None else str(value)
