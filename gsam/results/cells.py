"""Filling the cells: which measured figure stands beside which published one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gsam.errors import DataError
from gsam.results.measured import BASELINES, MESH_BASELINES, Scores
from gsam.results.model import Block, Cell, Column, Parameters, Row, State, Table
from gsam.results.notes import table_notes
from gsam.results.published import PublishedTable
from gsam.results.remarks import frames_remark, state_of, unbeaten
from gsam.results.spec import METRICS, BlockSpec, RowSpec, TableSpec, TablesSpec

CountParameters = Callable[[Mapping[str, Any]], int]


@dataclass(frozen=True)
class Evidence:
    """Everything the tables are filled from.

    `runs` and `plans` hold lifters' runs, detectors and mesh regressors by name (data/plan/runs,
    detectors, meshes); `missing` says why a keypoint source or one of those has no data; `counts`
    gives the parameters of an architecture, by its kind: lifter, detector or mesh.
    """

    published: Mapping[str, PublishedTable]
    runs: Mapping[str, Scores]
    missing: Mapping[str, str]
    baselines: Mapping[str, Mapping[str, Scores]]
    plans: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, CountParameters]


def assemble(spec: TablesSpec, table: TableSpec, evidence: Evidence) -> Table:
    """Fill one table; raises DataError if its figures were measured on different datasets."""
    blocks = table.block_specs()
    used = _scores_used(table, blocks, evidence)
    described = table.describe_specs()
    filled = Table(
        name=table.name,
        number=table.number,
        title=table.title,
        dataset=_dataset(table, used, spec),
        published_on=table.published_on or spec.published_on,
        describe=tuple(column.header for column in described),
        ticks=tuple(column.tick for column in described),
        blocks=tuple(_block(spec, table, block, used, evidence) for block in blocks),
        has_parameters=bool(table.parameters),
        notes=(),
        average=table.average,
        grouped_by=table.grouped_by,
    )
    missing = [
        f"No {k} keypoints: {evidence.missing[k]}" for k in table.keypoints if k in evidence.missing
    ]
    return replace(filled, notes=table_notes(filled, [*missing, *table.notes], spec, used))


def _scores_used(
    table: TableSpec, blocks: list[BlockSpec], evidence: Evidence
) -> tuple[Scores, ...]:
    names = {row.source: row for block in blocks for row in block.row_specs() if row.source}
    runs = [
        evidence.runs[name]
        for name, row in names.items()
        if name in evidence.runs and _shown(row, evidence)
    ]
    baselines = [s for k in table.keypoints for s in evidence.baselines.get(k, {}).values()]
    return (*runs, *baselines)


def _shown(row: RowSpec, evidence: Evidence) -> bool:
    """A row tied to a keypoint source shows only if its run uses that source."""
    if row.keypoints is None or not row.source:
        return True
    return evidence.plans.get(row.source, {}).get("keypoints", row.keypoints) == row.keypoints


def _dataset(table: TableSpec, used: tuple[Scores, ...], spec: TablesSpec) -> str:
    found = {spec.datasets.get(scores.dataset, scores.dataset): scores.name for scores in used}
    if len(found) > 1:
        places = ", ".join(f"{name} on {dataset}" for dataset, name in found.items())
        raise DataError(f"results: table {table.name} mixes datasets ({places}), expected one")
    return next(iter(found), "")


def _block(
    spec: TablesSpec,
    table: TableSpec,
    block: BlockSpec,
    used: tuple[Scores, ...],
    evidence: Evidence,
) -> Block:
    columns = _columns(spec, table, block, used)
    rows = [
        _run_row(table, block, row, columns, evidence)
        for row in block.row_specs()
        if _shown(row, evidence)
        and (row.source or row.lifter or _printed(table, block, row, evidence))
    ]
    blank = ("",) * len(table.describe)
    labels = {"lifter": BASELINES, "mesh": MESH_BASELINES}.get(METRICS[columns[0].metric].kind, {})
    for source in table.keypoints:
        for name, label in labels.items():
            scores = evidence.baselines.get(source, {}).get(name)
            rows.append(_baseline_row(f"{label} ({source})", source, blank, columns, scores))
    return Block(block.title, columns, tuple(rows))


def _printed(
    table: TableSpec, block: BlockSpec, row: RowSpec, evidence: Evidence
) -> Mapping[str, str]:
    """The published row beside this one; empty where the block prints none."""
    selector = row.selector(block.select)
    matching = evidence.published[table.published].matching(selector) if selector else []
    return matching[0] if matching else {}


def _columns(
    spec: TablesSpec, table: TableSpec, block: BlockSpec, used: tuple[Scores, ...]
) -> tuple[Column, ...]:
    specs = block.column_specs()
    metric = specs[0].metric
    columns = [Column(METRICS[c.metric].label, c.metric, table.average, c.published) for c in specs]
    if METRICS[metric].kind == "lifter":
        other = "frame_mean" if table.average == "action_mean" else "action_mean"
        columns.append(Column(average_header(other, table.grouped_by), metric, other, ""))
    if block.per_action and table.groups:
        groups = table.groups.items()
        columns += [Column(header, metric, group, "", detail=True) for header, group in groups]
    elif block.per_action:
        measured = {action for scores in used for action in scores.actions}
        printed = {action: header for header, action in spec.actions.items()}
        # Other motions than the benchmark's (motion capture) make their own columns.
        if not measured or measured & set(printed):
            columns += [Column(h, metric, a, h, detail=True) for a, h in printed.items()]
        own = sorted(measured - set(printed))
        columns += [Column(action, metric, action, "", detail=True) for action in own]
    return tuple(columns)


def average_header(average: str, grouped_by: str) -> str:
    """How a table calls one of a lifter's averages."""
    return "frame mean" if average == "frame_mean" else f"mean of the {grouped_by}s"


def _run_row(
    table: TableSpec,
    block: BlockSpec,
    row: RowSpec,
    columns: tuple[Column, ...],
    evidence: Evidence,
) -> Row:
    printed = _printed(table, block, row, evidence)
    scores = evidence.runs.get(row.source)
    plan = evidence.plans.get(row.source, {})
    state, remark = state_of(row, scores, columns[0], evidence.missing)
    cells = tuple(_cell(column, printed, scores) for column in columns)
    keypoints = scores.keypoints if scores else str(plan.get("keypoints", plan.get("images", "")))
    baselines = evidence.baselines.get(keypoints, {})
    # Baselines of other clips (half-updated results) say nothing about this run.
    same = scores and all(b.data_hash == scores.data_hash for b in baselines.values())
    beaten = unbeaten(columns[0], cells[0].measured, baselines if same else {})
    remarks = [remark, frames_remark(plan)]
    if row.published is not None and not printed:
        remarks.append("not printed under this heading")
    if beaten:
        remarks.append("does not beat " + " nor ".join(beaten))
    elif METRICS[columns[0].metric].kind == "mesh" and same:
        remarks.append(_worse_columns(columns[1:], cells[1:], baselines))
    beats = False if state == "diverged" else None if beaten is None else not beaten
    return Row(
        label=row.label,
        kind="run",
        run=row.source,
        keypoints=keypoints,
        describe=tuple(printed.get(column.column, "") for column in table.describe_specs()),
        cells=cells,
        state=state,
        remark="; ".join(text for text in remarks if text),
        parameters=_parameters(table, row, printed, plan, evidence),
        beats_baselines=beats,
    )


def _worse_columns(
    columns: tuple[Column, ...], cells: tuple[Cell, ...], baselines: Mapping[str, Scores]
) -> str:
    """Which of a row's further figures a baseline is as good at."""
    found = [
        column.header
        for column, cell in zip(columns, cells, strict=True)
        if unbeaten(column, cell.measured, baselines)
    ]
    return f"not better than the baseline in {' and '.join(found)}" if found else ""


def _baseline_row(
    label: str,
    source: str,
    blank: tuple[str, ...],
    columns: tuple[Column, ...],
    scores: Scores | None,
) -> Row:
    cells = tuple(_cell(column, {}, scores) for column in columns)
    state: State = "measured" if scores else "not run"
    remark = "baseline" if scores else "baseline, not run"
    return Row(label, "baseline", "", source, blank, cells, state, remark, Parameters())


def _cell(column: Column, printed: Mapping[str, str], scores: Scores | None) -> Cell:
    published = printed.get(column.published, "") if column.published else ""
    return Cell(published, scores.estimate(column.metric, column.average) if scores else None)


def _parameters(
    table: TableSpec,
    row: RowSpec,
    printed: Mapping[str, str],
    plan: Mapping[str, Any],
    evidence: Evidence,
) -> Parameters:
    if not table.parameters:
        return Parameters()
    published = printed.get(table.parameters, "")
    if row.lifter is not None:
        return Parameters(published, evidence.counts["lifter"](row.lifter))
    if not plan:
        return Parameters(published)
    kind = "detector" if row.detector else "mesh" if row.mesh else "lifter"
    count = evidence.counts[kind]
    return Parameters(published, count(plan[f"full_{kind}"]), count(plan[kind]))
