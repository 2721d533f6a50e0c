"""Do the published tables agree with themselves? Facts only: printed, expected, difference, how."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from gsam.results.published import PublishedTable, half_unit, number, require_numbers

Verdict = Literal["agrees", "differs", "not checked"]

SHARED_RUN = 5
"""Two rows that share this many figures in a row are reported."""

ROUNDING = 1e-9
"""Slack for floating point when a difference lies exactly on the tolerance."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    `difference` is printed minus expected where both are figures; `tolerance` is how far rounding
    alone can move it.
    """

    check: str
    where: str
    what: str
    printed: str
    expected: str
    difference: float | None
    tolerance: float | None
    verdict: Verdict
    how: str


def compare(
    check: str,
    where: str,
    what: str,
    printed: str,
    expected: float,
    tolerance: float,
    how: str,
    digits: int = 2,
) -> Finding:
    """A finding about a printed figure that can be computed."""
    difference = float(printed) - expected
    verdict: Verdict = "agrees" if abs(difference) <= tolerance + ROUNDING else "differs"
    text = f"{expected:.{digits}f}"
    return Finding(check, where, what, printed, text, difference, tolerance, verdict, how)


def roman(value: int) -> str:
    """A table's number as the papers print it (1 to 39)."""
    tens, ones = divmod(value, 10)
    units = ("", "I", "II", "III", "IV", "V", "VI", "VII", "VIII", "IX")
    return "X" * tens + units[ones]


def printed_number(name: str) -> str:
    """`table8_frames` -> `VIII`; blank for a table that has no number."""
    digits = name.removeprefix("table").split("_")[0]
    return roman(int(digits)) if digits.isdigit() else ""


def place(table: PublishedTable) -> str:
    """How a finding names a table."""
    found = printed_number(table.name)
    return f"Table {found}" if found else table.name.replace("_", " ")


def actions_of(table: PublishedTable, average: str) -> tuple[str, ...]:
    """The columns that the average is over: every one that is neither it nor text."""
    return tuple(c for c in table.columns if c not in (average, "protocol", "method"))


def audit_averages(table: PublishedTable, average: str, group: str) -> Iterator[Finding]:
    """Every printed average against the mean of its own row, then the ranking by both."""
    actions = actions_of(table, average)
    require_numbers(table, (*actions, average))
    means: dict[str, dict[str, tuple[float, float]]] = {}
    for row in table.rows:
        where = f"{place(table)}, {group} {row[group]}, {row['method']}"
        figures = [row[action] for action in actions if row[action]]
        if not figures:
            how = "the row prints no actions"
            printed = row[average]
            yield Finding("average", where, average, printed, "", None, None, "not checked", how)
            continue
        mean = math.fsum(map(float, figures)) / len(figures)
        tolerance = float(half_unit(row[average]) + max(map(half_unit, figures)))
        how = f"mean of the row's {len(figures)} printed actions"
        yield compare("average", where, average, row[average], mean, tolerance, how)
        means.setdefault(row[group], {})[row["method"]] = (float(row[average]), mean)
    for name, rows in means.items():
        yield _ranking(f"{place(table)}, {group} {name}", average, rows)


def _ranking(where: str, average: str, rows: Mapping[str, tuple[float, float]]) -> Finding:
    """Whether the lowest printed average is also the lowest mean of actions."""
    printed = min(rows, key=lambda method: rows[method][0])
    computed = min(rows, key=lambda method: rows[method][1])
    return Finding(
        check="ranking",
        where=where,
        what=f"lowest {average}",
        printed=f"{printed} ({rows[printed][0]:.1f})",
        expected=f"{computed} ({rows[computed][1]:.1f})",
        difference=None,
        tolerance=None,
        verdict="agrees" if printed == computed else "differs",
        how="lowest printed average beside the lowest mean of a row's own actions",
    )


_ALIGNED = (
    "alignment by least squares cannot raise a pose's squared error, so the aligned error "
    "is expected not to exceed the unaligned one"
)


def audit_aligned(table: PublishedTable, before: str, after: str) -> Iterator[Finding]:
    """Errors after Procrustes alignment against the same row's errors before it."""
    require_numbers(table, (before, after))
    name = table.columns[0]
    for row in table.rows:
        yield _aligned(f"{place(table)}, {row[name]}", after, row[before], row[after])


def audit_aligned_blocks(
    table: PublishedTable, group: str, before: str, after: str
) -> Iterator[Finding]:
    """The same for a method that stands in two blocks, column by column."""
    require_numbers(table, tuple(c for c in table.columns if c not in (group, "method")))
    second = {row["method"]: row for row in table.rows if row[group] == after}
    for row in table.rows:
        if row[group] != before or row["method"] not in second:
            continue
        for column in table.columns:
            printed, other = row[column], second[row["method"]][column]
            if column not in (group, "method") and printed and other:
                where = f"{place(table)}, {row['method']}, {column}"
                yield _aligned(where, f"{group} {after}", printed, other)


def _aligned(where: str, what: str, before: str, after: str) -> Finding:
    difference = float(after) - float(before)
    tolerance = float(half_unit(before) + half_unit(after))
    verdict: Verdict = "agrees" if difference <= tolerance + ROUNDING else "differs"
    expected = f"at most {before}"
    return Finding(
        "alignment", where, what, after, expected, difference, tolerance, verdict, _ALIGNED
    )


def audit_repeated(tables: Sequence[PublishedTable]) -> Iterator[Finding]:
    """Runs of equal neighbouring figures that two rows share."""
    rows = [
        (f"{place(table)}, protocol {row['protocol']}, {row['method']}", row, table)
        for table in tables
        for row in table.rows
    ]
    for index, (where, row, table) in enumerate(rows):
        columns = actions_of(table, "Avg.")
        for other, second, _ in rows[index + 1 :]:
            run = _longest_run(row, second, columns)
            if len(run) >= SHARED_RUN:
                yield Finding(
                    check="repeated",
                    where=f"{where}; {other}",
                    what=f"{run[0]} to {run[-1]}",
                    printed=f"{len(run)} equal figures",
                    expected="figures of their own",
                    difference=None,
                    tolerance=None,
                    verdict="differs",
                    how=", ".join(row[column] for column in run),
                )


def _longest_run(
    first: Mapping[str, str], second: Mapping[str, str], columns: Sequence[str]
) -> list[str]:
    best: list[str] = []
    run: list[str] = []
    for column in columns:
        same = number(first[column]) is not None and first[column] == second[column]
        run = [*run, column] if same else []
        best = run if len(run) > len(best) else best
    return best
