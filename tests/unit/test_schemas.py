"""The published table schemas and the messages of their check."""

import numpy as np
import pyarrow as pa
import pytest

from gsam import schemas
from gsam.errors import DataError
from gsam.schema_check import validate
from gsam.skeletons import H36M_17
from gsam.storage import list_column


def clip_table(frames: int = 4, joints: int = 17, **changes: object) -> pa.Table:
    columns = {field.name: pa.nulls(1, field.type) for field in schemas.CLIPS}
    names = [f.name for f in schemas.CLIPS if pa.types.is_string(f.type)]
    columns |= {name: pa.array(["x"]) for name in names}
    columns |= {name: pa.array([1000], pa.int32()) for name in ("width", "height")}
    columns |= {
        "frames": pa.array([frames], pa.int32()),
        "fps": pa.array([50.0], pa.float32()),
        "keypoints": list_column(np.zeros((1, frames, joints, 2))),
        "scores": list_column(np.zeros((1, frames, joints))),
        "target": list_column(np.zeros((1, frames, joints, 3))),
        "root": list_column(np.zeros((1, frames, 3))),
    }
    columns |= changes
    return pa.table(columns).replace_schema_metadata(schemas.CLIPS.metadata)


def test_every_schema_says_its_name_frame_and_units() -> None:
    assert sorted(schemas.SCHEMAS) == [
        "bodies",
        "cameras",
        "clips",
        "fitted",
        "images",
        "keypoints",
        "poses",
        "predictions",
        "recordings",
        "sequences",
    ]
    for schema in schemas.SCHEMAS.values():
        notes = schemas.metadata_of(schema)
        assert notes["coordinate_frame"]
        for field in schema:
            assert field.metadata[b"doc"]
    assert schemas.metadata_of(schemas.POSES)["joint_names"] == list(H36M_17.joints)
    assert schemas.metadata_of(schemas.POSES)["units"]["joints"] == "m"


def test_a_right_table_passes() -> None:
    validate(clip_table(), schemas.CLIPS, "clips.parquet")


def test_arrays_of_the_wrong_length_are_named() -> None:
    with pytest.raises(DataError, match=r"a\.parquet: column 'target'.*150 values.*204.*T,J,3"):
        validate(clip_table(target=list_column(np.zeros((1, 150)))), schemas.CLIPS, "a.parquet")


def test_a_wrong_type_names_file_column_expected_and_found() -> None:
    table = clip_table(root=list_column(np.zeros((1, 12)), np.float64))
    with pytest.raises(DataError, match=r"a\.parquet: column 'root'.*float.*, found list.*double"):
        validate(table, schemas.CLIPS, "a.parquet")


@pytest.mark.parametrize("name", ["fps", "keypoints", "split"])
def test_a_missing_column_is_named(name: str) -> None:
    with pytest.raises(DataError, match=rf"a\.parquet: column '{name}' is missing"):
        validate(clip_table().drop_columns([name]), schemas.CLIPS, "a.parquet")


def test_a_surplus_column_is_named() -> None:
    table = clip_table().append_column("speed", pa.array([1.0]))
    with pytest.raises(DataError, match="column 'speed' is not in the clips table"):
        validate(table, schemas.CLIPS, "a.parquet")


def test_a_null_is_refused_only_where_the_schema_forbids_it() -> None:
    validate(clip_table(valid=pa.nulls(1, pa.list_(pa.bool_()))), schemas.CLIPS, "a.parquet")
    with pytest.raises(DataError, match=r"column 'fps'.*null in row 0"):
        validate(clip_table(fps=pa.nulls(1, pa.float32())), schemas.CLIPS, "a.parquet")


def test_another_table_is_refused_by_its_name() -> None:
    with pytest.raises(DataError, match="holds the table 'clips', expected 'poses'"):
        validate(clip_table(), schemas.POSES, "a.parquet")


def test_metadata_survives_as_values_in_a_fixed_order() -> None:
    one = schemas.with_metadata(schemas.POSES, {"b": [1, "x"], "a": "text"})
    two = schemas.with_metadata(schemas.POSES, {"a": "text", "b": [1, "x"]})
    assert list(one.metadata) == list(two.metadata) == sorted(one.metadata)
    assert schemas.metadata_of(one)["b"] == [1, "x"]
    assert schemas.metadata_of(one)["a"] == "text"
