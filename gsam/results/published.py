"""The papers' tables as data: one CSV file per published table, read as printed.

Cells stay text, because the number of printed decimals decides how far rounding can explain a
difference; `number` turns one into a float.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

from gsam.configs import nearest
from gsam.errors import DataError

Selector = Mapping[str, str]


@dataclass(frozen=True)
class PublishedTable:
    """One printed table: `name` is the file's stem, `rows` map column names to printed text."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Mapping[str, str], ...]

    def matching(self, selector: Selector) -> list[Mapping[str, str]]:
        """Rows whose printed text equals every value of `selector`, in printed order."""
        return [row for row in self.rows if all(row[key] == selector[key] for key in selector)]

    def one(self, selector: Selector) -> Mapping[str, str]:
        """The single row that `selector` names; raises DataError when none or several match."""
        require_columns(self, selector)
        rows = self.matching(selector)
        if len(rows) != 1:
            raise DataError(
                f"published table {self.name}: {describe(selector)} matches {len(rows)} rows, "
                "expected one"
            )
        return rows[0]


def describe(selector: Selector) -> str:
    """A selector as a person reads it: `method=Our, frames=81`."""
    return ", ".join(f"{key}={value or '(blank)'}" for key, value in selector.items())


def number(text: str) -> float | None:
    """A printed cell as a float; an empty cell is None."""
    return float(text) if text else None


def half_unit(text: str) -> Decimal:
    """Half of the last printed place (`43.1` -> 0.05): the most that rounding can have moved it."""
    exponent = Decimal(text).as_tuple().exponent
    return Decimal(5).scaleb(int(exponent) - 1)


def read_published(folder: Path) -> dict[str, PublishedTable]:
    """Read every CSV file of `folder`; raises DataError for a file that is no table."""
    files = sorted(folder.glob("*.csv"))
    if not files:
        raise DataError(f"{folder}: no published tables, expected files such as table8_frames.csv")
    return {path.stem: _read(path) for path in files}


def _read(path: Path) -> PublishedTable:
    try:
        lines = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable as CSV ({error})") from error
    if len(lines) < 2:
        raise DataError(f"{path}: expected a header and at least one row")
    header = tuple(lines[0])
    if len(set(header)) != len(header):
        raise DataError(f"{path}: a column name stands twice in the header")
    for index, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise DataError(f"{path}: line {index} has {len(line)} cells, expected {len(header)}")
    rows = tuple(dict(zip(header, line, strict=True)) for line in lines[1:])
    return PublishedTable(path.stem, header, rows)


def require_columns(table: PublishedTable, columns: Iterable[str]) -> None:
    """Raise DataError for a column that the table has not."""
    for column in columns:
        if column not in table.columns:
            near = nearest(column, table.columns)
            raise DataError(f"published table {table.name}: no column {column!r}; {near}")


def require_numbers(table: PublishedTable, columns: tuple[str, ...]) -> None:
    """Raise DataError unless every non-empty cell of `columns` is a finite number."""
    require_columns(table, columns)
    for row in table.rows:
        for column in columns:
            try:
                finite = not row[column] or Decimal(row[column]).is_finite()
            except InvalidOperation:
                finite = False
            if not finite:
                raise DataError(
                    f"published table {table.name}: {column} is {row[column]!r} in row "
                    f"{next(iter(row.values()))!r}, expected a number"
                )
