"""Holding a table to its published schema: columns, types, nulls and the lengths of arrays."""

from __future__ import annotations

import math

import pyarrow as pa
import pyarrow.compute as pc

from gsam.errors import DataError
from gsam.schemas import metadata_of

__all__ = ["validate"]

_PER_ROW = {"T": "frames", "N": "people"}
"""Symbol of an axis whose length differs from row to row: the column that holds it."""


def validate(table: pa.Table, schema: pa.Schema, where: str) -> None:
    """Hold a table to a schema: its columns, their types, nulls, and the lengths of arrays.

    `where` names the file in messages. Raises DataError that names the file, the column, and the
    expected and found type or length.
    """
    kind = metadata_of(schema).get("schema", "table")
    named = metadata_of(table).get("schema", kind)
    if named != kind:
        raise DataError(f"{where}: holds the table {named!r}, expected {kind!r}")
    missing = [name for name in schema.names if name not in table.schema.names]
    if missing:
        raise DataError(
            f"{where}: column {missing[0]!r} is missing from the {kind} table, "
            f"expected {schema.field(missing[0]).type}, found columns {table.schema.names}"
        )
    surplus = [name for name in table.schema.names if name not in schema.names]
    if surplus:
        raise DataError(
            f"{where}: column {surplus[0]!r} is not in the {kind} table, expected {schema.names}"
        )
    for field in schema:
        _validate_column(table, field, f"{where}: column {field.name!r} of the {kind} table")


def _validate_column(table: pa.Table, field: pa.Field, where: str) -> None:
    if table.schema.names.count(field.name) > 1:
        raise DataError(f"{where} appears twice, expected once")
    column = table.column(field.name)
    if not _same_type(column.type, field.type):
        raise DataError(f"{where} has the wrong type, expected {field.type}, found {column.type}")
    if column.null_count and not field.nullable:
        row = pc.index(pc.is_null(column), True).as_py()
        raise DataError(f"{where} is null in row {row}, expected {field.type}")
    shape = (field.metadata or {}).get(b"shape", b"").decode()
    if shape and pa.types.is_list(field.type):
        _validate_lengths(table, column, shape, where)


def _same_type(found: pa.DataType, expected: pa.DataType) -> bool:
    """Equal but for the name and nullability of list elements, which differ between writers."""
    if pa.types.is_list(found) and pa.types.is_list(expected):
        return bool(found.value_type == expected.value_type)
    return bool(found == expected)


def _validate_lengths(table: pa.Table, column: pa.ChunkedArray, shape: str, where: str) -> None:
    sizes: list[int] = []
    per_row = ""
    for symbol in shape.split(","):
        if symbol in _PER_ROW:
            per_row = _PER_ROW[symbol]
        elif symbol == "J":
            joints = metadata_of(table).get("joint_names")
            if not isinstance(joints, list):
                return
            sizes.append(len(joints))
        else:
            sizes.append(int(symbol))
    expected: pa.Scalar | pa.ChunkedArray = pa.scalar(math.prod(sizes), pa.int64())
    if per_row:
        if per_row not in table.schema.names:
            return
        expected = pc.multiply(table.column(per_row).cast(pa.int64()), expected)
    found = pc.list_value_length(column).cast(pa.int64())
    wrong = pc.fill_null(pc.not_equal(found, expected), False)
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        want = expected[row] if per_row else expected
        raise DataError(
            f"{where} has {found[row]} values in row {row}, expected {want} (shape {shape})"
        )
