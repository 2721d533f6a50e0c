"""What the schemas of tables are built from: field kinds with notes, metadata, shared fields."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa

from gsam.skeletons import H36M_17

__all__ = [
    "DOUBLES",
    "FLAGS",
    "FLOATS",
    "FPS",
    "FRAME",
    "FRAMES",
    "LEVELS",
    "NUMBERS",
    "SIZE",
    "field",
    "identity",
    "metadata_of",
    "schema",
    "with_metadata",
]

FLOATS = pa.list_(pa.field("element", pa.float32(), nullable=False))
DOUBLES = pa.list_(pa.field("element", pa.float64(), nullable=False))
LEVELS = pa.list_(pa.field("element", pa.uint8(), nullable=False))
FLAGS = pa.list_(pa.field("element", pa.bool_(), nullable=False))
NUMBERS = pa.list_(pa.field("element", pa.int64(), nullable=False))


def field(
    name: str,
    kind: pa.DataType,
    doc: str,
    *,
    unit: str = "",
    shape: str = "",
    nullable: bool = False,
) -> pa.Field:
    """A column with a line of documentation, its unit, and the shape of a row's array in symbols
    (see gsam.schemas) as metadata."""
    notes = {"doc": doc, "unit": unit, "shape": shape}
    return pa.field(name, kind, nullable, {k: v for k, v in notes.items() if v})


def schema(name: str, frame: str, fields: list[pa.Field]) -> pa.Schema:
    """A table's schema, its name, units, coordinate frame and joint names as metadata."""
    units = {f.name: f.metadata[b"unit"].decode() for f in fields if b"unit" in (f.metadata or {})}
    metadata: dict[str, object] = {"schema": name, "units": units, "coordinate_frame": frame}
    if any("J" in f.metadata.get(b"shape", b"").decode().split(",") for f in fields):
        # Readers of takes convert to this joint set, so it is the default; images keep their own.
        metadata["joint_names"] = list(H36M_17.joints)
    return with_metadata(pa.schema(fields), metadata)


def with_metadata(table: pa.Schema, metadata: Mapping[str, object]) -> pa.Schema:
    """The schema with `metadata` added to its own; values other than strings become JSON."""
    merged = dict(table.metadata or {})
    for key, value in metadata.items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        merged[key.encode()] = text.encode()
    # Sorted, so that the order in which a producer names them cannot change the bytes of a file.
    return table.with_metadata(dict(sorted(merged.items())))


def metadata_of(table: pa.Table | pa.Schema) -> dict[str, object]:
    """The metadata of a table or schema as Python values (JSON texts decoded)."""
    notes = (table.schema if isinstance(table, pa.Table) else table).metadata
    found: dict[str, object] = {}
    for key, raw in (notes or {}).items():
        name, text = (part.decode(errors="replace") for part in (key, raw))
        try:
            found[name] = json.loads(text) if text[:1] in ("[", "{") else text
        except (RecursionError, ValueError):
            found[name] = text
    return found


def identity(*names: str) -> list[pa.Field]:
    """The text columns that say what a row is of."""
    docs = {
        "sequence": "unique name of the take: subject/take",
        "dataset": "dataset that the take comes from",
        "subject": "subject, or part of the dataset where subjects are not named",
        "action": "group of the per-action tables: the take's text before its first space",
        "take": "name of the take within its subject",
        "split": "train or test",
        "camera": "name of the camera",
    }
    return [field(name, pa.string(), docs[name]) for name in names]


FPS = field("fps", pa.float32(), "frames per second", unit="1/s")
FRAMES = field("frames", pa.int32(), "number of frames, T")
FRAME = field("frame", pa.int32(), "frame number, from 0")
SIZE = [
    field("width", pa.int32(), "image width", unit="px"),
    field("height", pa.int32(), "image height", unit="px"),
]
