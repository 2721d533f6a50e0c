"""Files that appear whole or not at all, and whose bytes depend on their content alone.

Everything is written under a temporary name in the folder of its destination and renamed at the
end, so an interrupted writer leaves no half-written file, and a failed one leaves nothing.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from gsam.errors import DataError
from gsam.schema_check import validate
from gsam.schemas import metadata_of, with_metadata

__all__ = [
    "array_column",
    "atomic_directory",
    "atomic_path",
    "digest",
    "list_column",
    "read_json",
    "read_table",
    "write_json",
    "write_table",
    "write_text",
]

ROWS_PER_GROUP = 65_536
"""Rows per Parquet row group; fixed, because another cut is another file."""

StrPath = str | os.PathLike[str]


@contextmanager
def atomic_path(path: StrPath) -> Iterator[Path]:
    """A temporary path beside `path` to write to; renamed to `path` on success, removed on failure.

    It keeps the extension, which some writers go by. Missing parent folders are made.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = _sibling(target).with_suffix(target.suffix)
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


@contextmanager
def atomic_directory(path: StrPath) -> Iterator[Path]:
    """A temporary folder beside `path` to fill; swapped in on success, removed on failure.

    Whatever stood at `path` (an older folder, a file, a link, nothing) is replaced, or kept on
    failure.
    """
    target = Path(path)
    filled = _sibling(target)
    filled.mkdir(parents=True)
    replaced = _sibling(target)
    try:
        yield filled
        if os.path.lexists(target):
            os.replace(target, replaced)
        os.replace(filled, target)
    except BaseException:
        shutil.rmtree(filled, ignore_errors=True)
        if os.path.lexists(replaced) and not os.path.lexists(target):
            os.replace(replaced, target)
        raise
    finally:
        _remove(replaced)


def _sibling(target: Path) -> Path:
    # The random name never reaches a file's content.
    return target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: StrPath, text: str) -> None:
    """Write UTF-8 text with Unix line ends."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(text.encode("utf-8"))


def write_json(path: StrPath, content: object) -> None:
    """Write JSON with sorted keys and two spaces; NaN and infinity are a DataError."""
    try:
        text = json.dumps(content, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False)
    except ValueError as error:
        raise DataError(f"{path}: JSON holds only finite numbers, found NaN or infinity") from error
    write_text(path, text + "\n")


def read_json(path: StrPath) -> Any:
    """Read a JSON file; a missing or malformed one is a DataError that names it."""
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file, expected JSON") from error
    except (OSError, RecursionError, ValueError) as error:
        raise DataError(f"{path}: not valid JSON ({error})") from error


def write_table(
    path: StrPath,
    table: pa.Table | Mapping[str, Any],
    schema: pa.Schema,
    metadata: Mapping[str, object],
) -> None:
    """Write a table (or a mapping of columns) as Parquet, held to `schema`.

    The file carries the schema's metadata and `metadata`: at least `dataset` and `producer`.

    Columns are put in the schema's order; absent nullable columns are filled with nulls.
    Raises DataError when the table breaks the schema; nothing is written then.
    """
    lacking = [key for key in ("dataset", "producer") if key not in metadata]
    if lacking:
        raise DataError(f"{path}: metadata lacks {lacking[0]!r}, expected dataset and producer")
    full = with_metadata(schema, metadata)
    names = list(table.schema.names if isinstance(table, pa.Table) else table)
    columns = {name: _as_array(table[name], schema, name, str(path)) for name in names}
    rows = len(next(iter(columns.values()), ()))
    for field in schema:
        if field.name not in columns and field.nullable:
            columns[field.name] = pa.nulls(rows, field.type)
    try:
        checked = pa.table(columns).replace_schema_metadata(full.metadata)
    except pa.ArrowInvalid as error:
        raise DataError(f"{path}: columns of different lengths ({error})") from error
    validate(checked, full, str(path))
    with atomic_path(path) as temporary:
        pq.write_table(
            checked.select(schema.names).cast(full).combine_chunks(),
            temporary,
            row_group_size=ROWS_PER_GROUP,
            compression="zstd",
            compression_level=1,
            # Names repeat from row to row; floats do not, and would only fill dictionary pages.
            use_dictionary=[field.name for field in schema if pa.types.is_string(field.type)],
            write_statistics=False,
            version="2.6",
        )


def _as_array(values: Any, schema: pa.Schema, name: str, path: str) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return values
    if name not in schema.names:
        return pa.array(values)
    kind = schema.field(name).type
    try:
        return pa.array(values, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError) as error:
        raise DataError(f"{path}: column {name!r} expected {kind}: {error}") from error


def read_table(path: StrPath, schema: pa.Schema, columns: Sequence[str] | None = None) -> pa.Table:
    """Read a Parquet table (or some of its columns) and hold it to `schema`.

    Raises DataError that names the file when it is absent, truncated, or breaks the schema.
    """
    wanted = schema if columns is None else pa.schema([schema.field(name) for name in columns])
    wanted = wanted.with_metadata(schema.metadata)
    kind = metadata_of(schema).get("schema", "table")
    try:
        with pq.ParquetFile(path) as file:
            found = file.schema_arrow
            keep = [name for name in found.names if columns is None or name in columns]
            table = file.read(columns=keep)
        table.validate(full=True)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file, expected the {kind} table") from error
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        detail = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: not a readable Parquet file of {kind} ({detail})") from error
    validate(table, wanted, str(path))
    return table.select(wanted.names)


def list_column(
    arrays: NDArray[Any] | Sequence[NDArray[Any]], kind: Any = np.float32
) -> pa.ListArray:
    """Rows of arrays as a list column: one array (N, ...), or N arrays of any sizes."""
    flat = [np.ascontiguousarray(array, dtype=kind).reshape(-1) for array in arrays]
    ends = np.cumsum([0, *(len(row) for row in flat)], dtype=np.int64)
    if ends[-1] > np.iinfo(np.int32).max:
        raise DataError(f"a list column holds at most 2^31 values, found {ends[-1]}")
    values = np.concatenate(flat) if flat else np.empty(0, kind)
    element = pa.field("element", pa.from_numpy_dtype(np.dtype(kind)), nullable=False)
    return pa.ListArray.from_arrays(
        pa.array(ends.astype(np.int32)), pa.array(values), type=pa.list_(element)
    )


def array_column(table: pa.Table, name: str, shape: Sequence[int]) -> NDArray[Any]:
    """A list column of equal rows as one array (N, *shape); DataError when they are not equal."""
    column = table.column(name).combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    size = math.prod(shape)
    ends = column.offsets.to_numpy()
    if (np.diff(ends) != size).any():
        raise DataError(f"column {name!r} has rows of other lengths than {size}, shape {shape}")
    values = column.values.to_numpy(zero_copy_only=False)[ends[0] : ends[-1]]
    return values.reshape(len(column), *shape)


def digest(paths: StrPath | Iterable[StrPath]) -> str:
    """SHA-256 over the contents of files and, for folders, of every file below with its name.

    Depends on contents and relative names, never on dates, the order given by the file system or
    where the folder lies. Raises DataError for a path that does not exist.
    """
    total = hashlib.sha256()
    for item in [paths] if isinstance(paths, str | os.PathLike) else paths:
        root = Path(item)
        if not root.exists():
            raise DataError(f"{root}: no such file or folder, expected content to hash")
        files = sorted(p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]
        for file in files:
            name = file.relative_to(root).as_posix() if root.is_dir() else ""
            with file.open("rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            total.update(f"{name}\0{content}\n".encode())
    return total.hexdigest()
