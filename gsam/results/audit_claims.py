"""What the papers' text says, held against their tables (conf/published/claims.yaml)."""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gsam.configs import build
from gsam.errors import DataError
from gsam.results.audit import (
    ROUNDING,
    Finding,
    Verdict,
    actions_of,
    compare,
    place,
    printed_number,
)
from gsam.results.published import PublishedTable, describe, half_unit, number, require_numbers


@dataclass(frozen=True)
class CellRef:
    """One published cell: the table, the row's printed values, the column."""

    table: str
    select: dict[str, Any]
    column: str


@dataclass(frozen=True)
class Claim:
    """A sentence of a paper and the cells it speaks of; `check` says how they are compared."""

    where: str
    quote: str
    check: str
    stated: str = ""
    other: str = ""
    table: str = ""
    cell: dict[str, Any] | None = None
    against: dict[str, Any] | None = None
    rows: tuple[dict[str, Any], ...] = ()
    columns: tuple[str, ...] = ()
    within: dict[str, Any] = field(default_factory=dict)

    def problems(self) -> list[str]:
        if self.check not in CHECKS:
            return [f"check = {self.check!r}: expected one of {', '.join(sorted(CHECKS))}"]
        needs = {key for key in NEEDS[self.check] if getattr(self, key) in (None, "", ())}
        return [f"{self.check} needs {key}" for key in sorted(needs)]


Published = Mapping[str, PublishedTable]


def audit_claim(claim: Claim, published: Published) -> Finding:
    """Check one claim; raises DataError when it names a cell that no table has."""
    return CHECKS[claim.check](claim, published)


def _table(name: str, published: Published) -> PublishedTable:
    if name not in published:
        raise DataError(f"claims.yaml: no published table {name!r}; known: {sorted(published)}")
    return published[name]


def _ref(raw: Mapping[str, Any] | None) -> CellRef:
    return build(CellRef, raw or {}, "conf/published/claims.yaml")


def _row(ref: CellRef, published: Published) -> Mapping[str, str]:
    selector = {key: str(value) for key, value in ref.select.items()}
    return _table(ref.table, published).one(selector)


def _text(ref: CellRef, published: Published) -> str:
    require_numbers(_table(ref.table, published), (ref.column,))
    return _row(ref, published)[ref.column]


def _named(ref: CellRef, published: Published) -> str:
    values = ", ".join(str(value) for value in ref.select.values() if value != "")
    return f"{place(_table(ref.table, published))} ({values}), {ref.column}"


def _same(claim: Claim, published: Published) -> Finding:
    cell, against = _ref(claim.cell), _ref(claim.against)
    printed, other = _text(cell, published), _text(against, published)
    how = f"{_named(cell, published)} beside {_named(against, published)}"
    tolerance = max(float(half_unit(printed)), float(half_unit(other)))
    return compare("cross-table", claim.where, claim.quote, printed, float(other), tolerance, how)


def _value(claim: Claim, published: Published) -> Finding:
    cell = _ref(claim.cell)
    printed = _text(cell, published)
    stated = claim.stated
    tolerance = float(half_unit(stated))
    how = _named(cell, published)
    return compare("text", claim.where, claim.quote, stated, float(printed), tolerance, how)


def _percent(claim: Claim, published: Published) -> Finding:
    cell, against = _ref(claim.cell), _ref(claim.against)
    low, high = float(_text(cell, published)), float(_text(against, published))
    stated = claim.stated
    how = f"drop from {high} to {low} in percent of {high} ({_named(cell, published)})"
    expected, tolerance = 100 * (high - low) / high, float(half_unit(stated))
    return compare("text", claim.where, claim.quote, stated, expected, tolerance, how)


def _column_values(claim: Claim, published: Published) -> list[tuple[float, str]]:
    """Figures of the claim's column in all rows of the same block, lowest first."""
    cell = _ref(claim.cell)
    table = _table(cell.table, published)
    own = _row(cell, published)
    within = {key: str(value) for key, value in claim.within.items()}
    if "protocol" in own:
        within.setdefault("protocol", own["protocol"])
    values = [(number(row[cell.column]), row) for row in table.matching(within)]
    return sorted(
        (value, describe(dict(list(row.items())[:2]))) for value, row in values if value is not None
    )


def _second(claim: Claim, published: Published) -> Finding:
    stated = claim.stated
    value, name = _column_values(claim, published)[1]
    how = f"second lowest {_ref(claim.cell).column}: {name}"
    return compare("text", claim.where, claim.quote, stated, value, float(half_unit(stated)), how)


def _extreme(lowest: bool) -> Callable[[Claim, Published], Finding]:
    def check(claim: Claim, published: Published) -> Finding:
        cell = _ref(claim.cell)
        printed = _text(cell, published)
        values = _column_values(claim, published)
        best, name = values[0] if lowest else values[-1]
        word = "lowest" if lowest else "highest"
        difference = float(printed) - best
        return Finding(
            check="text",
            where=claim.where,
            what=claim.quote,
            printed=printed,
            expected=f"{word}: {best:g} ({name})",
            difference=difference,
            tolerance=0.0,
            verdict="agrees" if abs(difference) <= ROUNDING else "differs",
            how=f"{word} figure beside {_named(cell, published)}",
        )

    return check


def _lower_everywhere(claim: Claim, published: Published) -> Finding:
    cell, against = _ref(claim.cell), _ref(claim.against)
    own, other = _row(cell, published), _row(against, published)
    columns = claim.columns or actions_of(_table(cell.table, published), cell.column)
    above = [c for c in columns if float(own[c]) >= float(other[c])]
    pairs = ", ".join(f"{column} {own[column]} beside {other[column]}" for column in above)
    return _words(
        claim,
        f"lower in all {len(columns)}",
        f"lower in {len(columns) - len(above)} of {len(columns)}",
        not above,
        f"{_named(cell, published)} row beside {_named(against, published)} row"
        + (f"; not lower: {pairs}" if above else ""),
    )


def _falls(claim: Claim, published: Published) -> Finding:
    texts = [_text(_ref(raw), published) for raw in claim.rows]
    falling = all(float(a) > float(b) for a, b in itertools.pairwise(texts))
    how = "; ".join(_named(_ref(raw), published) for raw in claim.rows)
    return _words(claim, "falls", ", ".join(texts), falling, how)


def _frames(claim: Claim, published: Published) -> Finding:
    cell = _ref(claim.cell)
    table = _table(cell.table, published)
    within = {key: str(value) for key, value in claim.within.items()}
    found = ", ".join(sorted({row["frames"] for row in table.matching(within)}, key=int))
    stated = claim.stated
    return _words(claim, stated, found, found == stated, f"frames in {place(table)}")


def _number(claim: Claim, published: Published) -> Finding:
    expected = printed_number(_table(claim.table, published).name)
    stated = claim.stated
    how = "number printed over the table with this content"
    return _words(claim, f"Table {stated}", f"Table {expected}", stated == expected, how)


def _statement(claim: Claim, published: Published) -> Finding:
    stated, other = claim.stated, claim.other
    return _words(claim, stated, other, stated == other, "two places of the same text")


def _words(claim: Claim, printed: str, expected: str, agrees: bool, how: str) -> Finding:
    verdict: Verdict = "agrees" if agrees else "differs"
    return Finding("text", claim.where, claim.quote, printed, expected, None, None, verdict, how)


CHECKS: dict[str, Callable[[Claim, Published], Finding]] = {
    "same": _same,
    "value": _value,
    "second": _second,
    "percent": _percent,
    "lowest": _extreme(lowest=True),
    "highest": _extreme(lowest=False),
    "lower_everywhere": _lower_everywhere,
    "falls": _falls,
    "frames": _frames,
    "number": _number,
    "statement": _statement,
}

NEEDS: dict[str, tuple[str, ...]] = {
    "same": ("cell", "against"),
    "value": ("stated", "cell"),
    "second": ("stated", "cell"),
    "percent": ("stated", "cell", "against"),
    "lowest": ("cell",),
    "highest": ("cell",),
    "lower_everywhere": ("cell", "against"),
    "falls": ("rows",),
    "frames": ("stated", "cell"),
    "number": ("stated", "table"),
    "statement": ("stated", "other"),
}
