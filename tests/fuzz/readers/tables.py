"""The project's own tables and settings, which may come out of anybody's store."""

from __future__ import annotations

import io
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from gsam.clips import ClipSet
from gsam.images import ImageSet
from gsam.results.published import read_published
from gsam.schemas import CLIPS
from gsam.storage import read_json, read_table, write_table
from gsam.training.checkpoint import decode, encode
from stages.params import read_params
from tests.fuzz.reader import Reader
from tests.fuzz.readers.dumps import as_csv, as_json, as_yaml
from tests.synthetic_clips import METADATA, clip_rows, make_take
from tests.synthetic_images import write_images

_ROOT = Path(__file__).resolve().parents[3]


@cache
def clips() -> tuple[dict[str, Any], pa.Schema]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.parquet"
        write_table(path, clip_rows(make_take("S1", "Walking 1", 12, 2)), CLIPS, METADATA)
        table = pq.read_table(path)
    return table.to_pydict(), table.schema


@cache
def images() -> tuple[dict[str, bytes], dict[str, Any], pa.Schema]:
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder), count=2, size=(24, 32))
        files = {path.name: path.read_bytes() for path in Path(folder).iterdir()}
    table = pq.read_table(io.BytesIO(files["train.parquet"]))
    return files, table.to_pydict(), table.schema


def as_parquet(content: dict[str, Any], schema: pa.Schema) -> bytes:
    """Columns of the schema's type where their values allow it."""
    columns, notes = content["columns"], content["notes"]
    arrays = {}
    for name, values in columns.items():
        try:
            arrays[name] = pa.array(values, schema.field(name).type)
        except (pa.ArrowException, KeyError, OverflowError, TypeError, ValueError):
            arrays[name] = pa.array(values)
    out = io.BytesIO()
    table = pa.table(arrays).replace_schema_metadata(
        {key: value if isinstance(value, str) else as_json(value) for key, value in notes.items()}
    )
    pq.write_table(table, out)
    return out.getvalue()


def _notes(schema: pa.Schema) -> dict[str, Any]:
    from gsam.schemas import metadata_of

    return metadata_of(schema)


def _all_images(folder: Path) -> object:
    found = ImageSet.load(folder, "train")
    return [found.decode(number) for number in range(len(found))], found.dataset


def params() -> dict[str, Any]:
    import yaml

    content: dict[str, Any] = yaml.safe_load((_ROOT / "params.yaml").read_text())
    return content


def _state(folder: Path) -> object:
    return decode((folder / "000001.ckpt").read_bytes())


READERS = [
    Reader(
        name="clips parquet",
        file="a.parquet",
        content=lambda: {"columns": clips()[0], "notes": _notes(clips()[1])},
        dump=lambda content: as_parquet(content, clips()[1]),
        read=lambda folder: ClipSet.load(folder, "train"),
    ),
    Reader(
        name="table parquet",
        file="a.parquet",
        content=lambda: {"columns": clips()[0], "notes": _notes(clips()[1])},
        dump=lambda content: as_parquet(content, clips()[1]),
        read=lambda folder: read_table(folder / "a.parquet", CLIPS),
    ),
    Reader(
        name="images parquet",
        file="train.parquet",
        content=lambda: {"columns": images()[1], "notes": _notes(images()[2])},
        dump=lambda content: as_parquet(content, images()[2]),
        beside=lambda: images()[0],
        read=_all_images,
    ),
    Reader(
        name="images shard",
        file="train-00000.tar",
        content=lambda: images()[0]["train-00000.tar"],
        twists=False,
        beside=lambda: images()[0],
        read=_all_images,
    ),
    Reader(
        name="json",
        file="a.json",
        content=lambda: {"a": [1, 2.5, None], "b": {"c": "d"}},
        dump=as_json,
        read=lambda folder: read_json(folder / "a.json"),
    ),
    Reader(
        name="params",
        file="params.yaml",
        content=params,
        dump=as_yaml,
        read=lambda folder: read_params(folder / "params.yaml"),
    ),
    Reader(
        name="published csv",
        file="a.csv",
        content=lambda: [["method", "mpjpe_mm"], ["a", 44.3], ["b", ""]],
        dump=as_csv,
        read=read_published,
    ),
    Reader(
        name="own training state",
        file="000001.ckpt",
        content=lambda: encode({"epoch": 1, "model": {}, "curve": []}),
        twists=False,
        read=_state,
    ),
]
