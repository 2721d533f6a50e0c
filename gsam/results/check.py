"""Checking conf/tables.yaml as a whole, before any figure is read."""

from collections.abc import Iterable, Mapping
from typing import Any

from gsam.configs import build, nearest, problems_of
from gsam.errors import ConfigError
from gsam.results.published import PublishedTable, Selector, describe, require_numbers
from gsam.results.spec import (
    METRICS,
    BlockSpec,
    ColumnSpec,
    DescribeSpec,
    RowSpec,
    TableSpec,
    TablesSpec,
)


def parse_tables(
    content: object, published: Mapping[str, PublishedTable], runs: Iterable[str]
) -> TablesSpec:
    """Check conf/tables.yaml against the published tables and the known runs.

    Raises:
        ConfigError: one line that names every unknown key, run, metric and published row.
        DataError: a published figure is not a number.
    """
    where = "conf/tables.yaml"
    if not isinstance(content, Mapping):
        raise ConfigError(f"{where}: expected a mapping with actions, datasets and tables")
    found = problems_of(TablesSpec, content, where)
    if found:
        raise ConfigError("; ".join(found))
    spec = build(TablesSpec, content, where)
    known = sorted(runs)
    for index, table in enumerate(spec.tables):
        found += _table_problems(table, f"{where}: tables[{index}]", spec, published, known)
    names = [table.get("name") for table in spec.tables]
    found += [f"{where}: two tables are named {n!r}" for n in sorted(_repeated(names))]
    if found:
        raise ConfigError("; ".join(found))
    return spec


def _repeated(names: list[Any]) -> set[str]:
    return {str(name) for name in names if names.count(name) > 1}


def _table_problems(
    raw: Mapping[str, Any],
    where: str,
    spec: TablesSpec,
    published: Mapping[str, PublishedTable],
    runs: list[str],
) -> list[str]:
    where = f"{where} ({raw.get('name', 'unnamed')})"
    found = problems_of(TableSpec, raw, where)
    if not found:
        for column in raw.get("describe", ()):
            found += problems_of(DescribeSpec, column, f"{where}.describe")
    if found:
        return found
    table = build(TableSpec, raw, where)
    if table.published not in published:
        near = nearest(table.published, published)
        return [f"{where}: no published table {table.published!r}; {near}"]
    printed = published[table.published]
    wanted = [table.parameters] if table.parameters else []
    wanted += [column.column for column in table.describe_specs()]
    found += _column_problems(wanted, printed, where)
    covered: list[Mapping[str, str]] = []
    for raw_block in table.blocks:
        place = f"{where}: block {raw_block.get('title', '(untitled)')!r}"
        actions = {} if table.groups else spec.actions
        found += _block_problems(raw_block, place, actions, printed, runs, covered)
    if not found:
        missing = [row for row in printed.rows if row not in covered]
        found += [f"{where}: no row shows published {describe(_head(row))}" for row in missing]
    return found


def _head(row: Mapping[str, str]) -> Selector:
    return dict(list(row.items())[:3])


def _column_problems(columns: Iterable[str], printed: PublishedTable, where: str) -> list[str]:
    return [
        f"{where}: {printed.name}.csv has no column {name!r}; {nearest(name, printed.columns)}"
        for name in columns
        if name not in printed.columns
    ]


def _block_problems(
    raw: Mapping[str, Any],
    where: str,
    actions: Mapping[str, str],
    printed: PublishedTable,
    runs: list[str],
    covered: list[Mapping[str, str]],
) -> list[str]:
    found = problems_of(BlockSpec, raw, where)
    if not found:
        for cls, key in ((ColumnSpec, "columns"), (RowSpec, "rows")):
            for item in raw[key]:
                found += problems_of(cls, item, f"{where}.{key}")
    if found:
        return found
    block = build(BlockSpec, raw, where)
    columns = block.column_specs()
    figures = [column.published for column in columns if column.published]
    figures += actions if block.per_action else ()
    found += _column_problems([*figures, *block.select], printed, where)
    if not found:
        require_numbers(printed, tuple(figures))
    found += [
        f"{where}: unknown metric {column.metric!r}; {nearest(column.metric, METRICS)}"
        for column in columns
        if column.metric not in METRICS
    ]
    if not columns:
        found.append(f"{where}: needs at least one column")
    for row in block.row_specs():
        found += _row_problems(row, block, where, printed, runs, covered)
    return found


def _row_problems(
    row: RowSpec,
    block: BlockSpec,
    where: str,
    printed: PublishedTable,
    runs: list[str],
    covered: list[Mapping[str, str]],
) -> list[str]:
    place = f"{where}: row {row.label!r}"
    found = []
    if row.source and row.source not in runs:
        found.append(f"{place}: unknown run {row.source!r}; {nearest(row.source, runs)}")
    own, full = row.selector({}), row.selector(block.select)
    if own is None or full is None:
        return found
    bad = _column_problems(own, printed, place)
    if bad:
        return found + bad
    # A method may be printed under one protocol only, so the other block may find no row.
    anywhere, here = printed.matching(own), printed.matching(full)
    if not anywhere or len(here) > 1:
        known = [r["method"] for r in printed.rows] if list(own) == ["method"] else []
        hint = f"; {nearest(own['method'], known)}" if known and not anywhere else ""
        count = len(here) if anywhere else 0
        found.append(
            f"{place}: {printed.name}.csv has {count} rows with {describe(own)}, expected one{hint}"
        )
    covered.extend(here)
    return found
