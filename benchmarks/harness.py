"""Paired timing and plain tables: cases take turns (A B A B), so that a busy machine is fair."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from stages.common import progress

__all__ = ["FULL", "QUICK", "Case", "Effort", "Series", "Table", "compare", "ratios"]

# No case takes so long that more repeats than this would fill its share of a round.
MOST_UNITS = 1 << 20


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds, and the seconds that each case gets in each of them.

    `quick` is a rehearsal with tiny sizes, whose numbers mean nothing. `compiled` adds trainings by
    torch.compile, which takes minutes.
    """

    rounds: int = 5
    seconds: float = 0.6
    quick: bool = False
    compiled: bool = False


FULL = Effort()
QUICK = Effort(rounds=2, seconds=0.01, quick=True)


@dataclass(frozen=True)
class Case:
    """`run(n)` does n units of work (steps, clips); returns the things done (windows, frames)."""

    name: str
    run: Callable[[int], float]
    has_start: bool = False
    """Each run also starts and ends something; the cost of a run of one unit is taken off."""


@dataclass(frozen=True)
class Series:
    """One value per round, in the order of the rounds."""

    values: tuple[float, ...]

    @property
    def median(self) -> float:
        """Middle value."""
        return statistics.median(self.values)

    def __truediv__(self, other: Series) -> Series:
        """Round by round, so that what slowed both in one round cancels."""
        return Series(tuple(a / b for a, b in zip(self.values, other.values, strict=True)))

    def scaled(self, factor: float) -> Series:
        """Every value times `factor`."""
        return Series(tuple(factor * value for value in self.values))

    def text(self, digits: int = 0) -> str:
        """`median (least-most)`."""
        low, high = min(self.values), max(self.values)
        return f"{self.median:,.{digits}f} ({low:,.{digits}f}-{high:,.{digits}f})"

    def summary(self) -> dict[str, float]:
        """What goes into JSON."""
        return {"median": self.median, "min": min(self.values), "max": max(self.values)}


def compare(cases: Sequence[Case], effort: Effort, title: str) -> dict[str, Series]:
    """Things per second of every case in every round; a first turn warms up and sets the units."""
    units = {case.name: _units(case, effort) for case in cases}
    rates: dict[str, list[float]] = {case.name: [] for case in cases}
    turns = [case for _ in range(effort.rounds) for case in cases]
    for case in progress(turns, title):
        rates[case.name].append(_rate(case, units[case.name])[0])
    return {name: Series(tuple(values)) for name, values in rates.items()}


def _units(case: Case, effort: Effort) -> int:
    """Units of work that fill a case's share of a round, at least one."""
    case.run(1)
    units = 1
    while True:
        _, taken = _rate(case, units)
        if taken >= effort.seconds / 4 or units >= MOST_UNITS:
            return max(1, round(units * effort.seconds / taken))
        units *= 4


def _rate(case: Case, units: int) -> tuple[float, float]:
    if not case.has_start:
        done, taken = _timed(case, units)
        return done / taken, taken
    done, taken = _timed(case, units + 1)
    start_done, start_taken = _timed(case, 1)
    return (done - start_done) / max(taken - start_taken, 1e-9), taken + start_taken


def _timed(case: Case, units: int) -> tuple[float, float]:
    start = time.perf_counter()
    done = case.run(units)
    return done, max(time.perf_counter() - start, 1e-9)


def ratios(found: Mapping[str, Series], name: str, base: str) -> Series:
    """How many times as fast `name` is as `base`, round by round."""
    return found[name] / found[base]


Value = str | int | float | Series | None


@dataclass(frozen=True)
class Table:
    """Rows of values under named columns; `note` says how to read them."""

    name: str
    title: str
    rows: list[dict[str, Value]]
    note: str = ""

    def text(self) -> str:
        """The table for a terminal: aligned columns, series as `median (least-most)`."""
        columns = list(dict.fromkeys(key for row in self.rows for key in row))
        cells = [[_cell(row.get(column)) for column in columns] for row in self.rows]
        grid = [columns, *cells]
        widths = [max(len(line[i]) for line in grid) for i in range(len(columns))]
        left = [all(isinstance(row.get(c), str | None) for row in self.rows) for c in columns]
        lines = [
            "  ".join(
                cell.ljust(width) if is_text else cell.rjust(width)
                for cell, width, is_text in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in grid
        ]
        return "\n".join(filter(None, [self.title, *(f"  {line}" for line in lines), self.note]))

    def as_dict(self) -> dict[str, object]:
        """The table for JSON."""
        rows = [
            {k: v.summary() if isinstance(v, Series) else v for k, v in row.items()}
            for row in self.rows
        ]
        return {"name": self.name, "title": self.title, "note": self.note, "rows": rows}


def _cell(value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, Series):
        # Three figures are more than the spread allows.
        return value.text(0 if value.median >= 100 else 1 if value.median >= 20 else 2)
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
    return f"{value:,}" if isinstance(value, int) else value
