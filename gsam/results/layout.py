"""Turning a filled table into grids of text: what markdown prints and the picture draws."""

from collections.abc import Callable
from dataclasses import dataclass

from gsam.results.measured import Estimate
from gsam.results.model import Block, Cell, Column, Row, Table
from gsam.results.notes import MARK
from gsam.results.spec import METRICS

MISSING = "–"
MILLION = 1_000_000


@dataclass(frozen=True)
class Line:
    """One line of a grid; `quiet` lines are drawn lighter, one that `opens` starts a new method."""

    cells: tuple[str, ...]
    quiet: bool = False
    opens: bool = False


@dataclass(frozen=True)
class Grid:
    """Headers, their sides (`left` columns hold text, the others numbers) and lines."""

    title: str
    headers: tuple[str, ...]
    left: tuple[bool, ...]
    lines: tuple[Line, ...]


def grids(table: Table) -> list[Grid]:
    """Per block the averages, then (where a block has them) the figures per action."""
    found = []
    for block in table.blocks:
        found.append(_summary(table, block))
        if any(column.detail for column in block.columns):
            found.append(_per_action(table, block))
    return found


def one_decimal(estimate: Estimate | None) -> str:
    """`41.2`, or `41.2 ± 0.3` over several seeds."""
    if estimate is None:
        return MISSING
    spread = f" ± {estimate.half_range:.1f}" if estimate.seeds > 1 else ""
    return f"{estimate.mean:.1f}{spread}"


def difference_header(table: Table) -> str:
    """The words over the differences: they name both datasets unless these are the same."""
    if table.comparable or not table.dataset:
        return "difference"
    return f"difference ({table.dataset}, not {table.published_on})"


Maker = Callable[[Row], str]


def _summary(table: Table, block: Block) -> Grid:
    makers: list[tuple[str, bool, Maker]] = [("method", True, lambda row: row.label)]
    single = sum(bool(column.published) for column in block.columns if not column.detail) == 1
    for index, header in enumerate(table.describe):
        makers.append((header, False, _describe(index, table.ticks[index])))
    for index, column in enumerate(block.columns):
        if not column.detail:
            makers += _figures(table, column, index, "" if single else f"{column.header} ")
    if table.has_parameters:
        makers += _parameters()
    makers.append(("seeds", False, _seeds))
    makers.append(("run", True, lambda row: row.run))
    makers.append(("remark", True, lambda row: row.remark))
    lines = [
        Line(tuple(make(row) for _, _, make in makers), _quiet(row), opens=True)
        for row in block.rows
    ]
    return Grid(
        block.title,
        tuple(header for header, _, _ in makers),
        tuple(left for _, left, _ in makers),
        tuple(lines),
    )


def _describe(index: int, tick: bool) -> Maker:
    def make(row: Row) -> str:
        text = row.describe[index]
        return ("✓" if text == "1" else text) if tick else text.replace("_", " ")

    return make


def _figures(
    table: Table, column: Column, index: int, prefix: str
) -> list[tuple[str, bool, Maker]]:
    def measured(row: Row) -> str:
        cell = row.cells[index]
        text = "diverged" if row.state == "diverged" else one_decimal(cell.measured)
        return f"{text} {MARK}" if index == 0 and row.beats_baselines is False else text

    on = f" on {table.dataset}" if table.dataset else ""
    if not column.published:
        # A network's own metric has no usual place in a published table, so it brings its unit.
        metric = METRICS[column.metric]
        unit = "" if metric.kind == "lifter" else f", {metric.unit},"
        return [(f"{column.header}{unit}{on}", False, measured)]
    return [
        (
            f"{prefix}published on {table.published_on}",
            False,
            lambda row: row.cells[index].published or MISSING,
        ),
        (f"{prefix}measured{on}", False, measured),
        (prefix + difference_header(table), False, lambda row: _signed(row.cells[index])),
    ]


def _signed(cell: Cell) -> str:
    if cell.difference is None:
        return MISSING
    # Adding zero turns the -0.0 that rounding may leave into 0.0.
    return f"{round(cell.difference, 1) + 0.0:+.1f}"


def _parameters() -> list[tuple[str, bool, Maker]]:
    def millions(count: int | None, digits: int) -> str:
        return MISSING if count is None else f"{count / MILLION:.{digits}f}"

    return [
        ("#Param M published", False, lambda row: row.parameters.published or MISSING),
        ("#Param M full", False, lambda row: millions(row.parameters.full, 3)),
        ("#Param M trained", False, lambda row: millions(row.parameters.trained, 3)),
    ]


def _seeds(row: Row) -> str:
    estimate = row.cells[0].measured
    return f"n={estimate.seeds}" if row.kind == "run" and estimate else MISSING


def _quiet(row: Row) -> bool:
    return row.state in ("not measured", "not run") or row.kind == "baseline"


def _per_action(table: Table, block: Block) -> Grid:
    detail = [index for index, column in enumerate(block.columns) if column.detail]
    lines: list[Line] = []
    for row in block.rows:
        own = []
        if any(row.cells[index].published for index in detail):
            texts = [row.cells[index].published or MISSING for index in detail]
            own.append(Line((row.label, "published", *texts), quiet=True, opens=True))
        if any(row.cells[index].measured for index in detail):
            texts = [_mean(row.cells[index].measured) for index in detail]
            label = "" if own else row.label
            own.append(Line((label, table.dataset, *texts), opens=not own))
        lines += own
    return Grid(
        f"{block.title}, {block.columns[0].header} per {table.grouped_by}"
        if table.grouped_by != "action"
        else f"{block.title}, per action",
        ("method", "figures", *(block.columns[index].header for index in detail)),
        (True, True, *(False for _ in detail)),
        tuple(lines),
    )


def _mean(estimate: Estimate | None) -> str:
    return MISSING if estimate is None else f"{estimate.mean:.1f}"
