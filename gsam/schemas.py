"""The tables that pass between stages: one published Arrow schema each (gsam.schema_check checks).

Arrays inside a row are lists; the field's metadata gives their shape in symbols (``T,J,3``: T is
the row's `frames` column, N its `people`, J the number of names in the table's `joint_names`),
their unit and a line of documentation. A schema's metadata carries its name, units, joint names and
coordinate frame; the dataset and the producer join them when a table is written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

import pyarrow as pa

from gsam.skeletons import H36M_17

__all__ = [
    "BODIES",
    "CAMERAS",
    "CLIPS",
    "FITTED",
    "IMAGES",
    "KEYPOINTS",
    "POSES",
    "PREDICTIONS",
    "SCHEMAS",
    "SEQUENCES",
    "metadata_of",
    "with_metadata",
]

WORLD = "world: z up, floor at z = 0"
CAMERA = "camera: x right, y down, z forward, root-relative"
PIXELS = "image: origin at the top left pixel, x right, y down"

_FLOATS = pa.list_(pa.field("element", pa.float32(), nullable=False))
_DOUBLES = pa.list_(pa.field("element", pa.float64(), nullable=False))
_LEVELS = pa.list_(pa.field("element", pa.uint8(), nullable=False))
_FLAGS = pa.list_(pa.field("element", pa.bool_(), nullable=False))
_NUMBERS = pa.list_(pa.field("element", pa.int64(), nullable=False))


def _field(
    name: str,
    kind: pa.DataType,
    doc: str,
    *,
    unit: str = "",
    shape: str = "",
    nullable: bool = False,
) -> pa.Field:
    notes = {"doc": doc, "unit": unit, "shape": shape}
    return pa.field(name, kind, nullable, {k: v for k, v in notes.items() if v})


def _schema(name: str, frame: str, fields: list[pa.Field]) -> pa.Schema:
    units = {f.name: f.metadata[b"unit"].decode() for f in fields if b"unit" in (f.metadata or {})}
    metadata: dict[str, object] = {"schema": name, "units": units, "coordinate_frame": frame}
    if any("J" in f.metadata.get(b"shape", b"").decode().split(",") for f in fields):
        # Readers of takes convert to this joint set, so it is the default; images keep their own.
        metadata["joint_names"] = list(H36M_17.joints)
    return with_metadata(pa.schema(fields), metadata)


def with_metadata(schema: pa.Schema, metadata: Mapping[str, object]) -> pa.Schema:
    """The schema with `metadata` added to its own; values other than strings become JSON."""
    merged = dict(schema.metadata or {})
    for key, value in metadata.items():
        text = value if isinstance(value, str) else json.dumps(value, sort_keys=True)
        merged[key.encode()] = text.encode()
    # Sorted, so that the order in which a producer names them cannot change the bytes of a file.
    return schema.with_metadata(dict(sorted(merged.items())))


def metadata_of(table: pa.Table | pa.Schema) -> dict[str, object]:
    """The metadata of a table or schema as Python values (JSON texts decoded)."""
    schema = table.schema if isinstance(table, pa.Table) else table
    found: dict[str, object] = {}
    for key, raw in (schema.metadata or {}).items():
        text = raw.decode()
        try:
            found[key.decode()] = json.loads(text) if text[:1] in "[{" else text
        except json.JSONDecodeError:
            found[key.decode()] = text
    return found


def _identity(*names: str) -> list[pa.Field]:
    docs = {
        "sequence": "unique name of the take: subject/take",
        "dataset": "dataset that the take comes from",
        "subject": "subject, or part of the dataset where subjects are not named",
        "action": "group of the per-action tables: the take's text before its first space",
        "take": "name of the take within its subject",
        "split": "train or test",
        "camera": "name of the camera",
    }
    return [_field(name, pa.string(), docs[name]) for name in names]


_FPS = _field("fps", pa.float32(), "frames per second", unit="1/s")
_FRAMES = _field("frames", pa.int32(), "number of frames, T")
_FRAME = _field("frame", pa.int32(), "frame number, from 0")
_SIZE = [
    _field("width", pa.int32(), "image width", unit="px"),
    _field("height", pa.int32(), "image height", unit="px"),
]

SEQUENCES = _schema(
    "sequences",
    WORLD,
    [*_identity("sequence", "dataset", "subject", "action", "take", "split"), _FPS, _FRAMES],
)
"""One row per take."""

CAMERAS = _schema(
    "cameras",
    "x_camera = R x_world + t; camera x right, y down, z forward; world z up",
    [
        *_identity("sequence", "camera"),
        *_SIZE,
        _field("K", _DOUBLES, "intrinsic matrix, row by row", unit="px", shape="3,3"),
        _field("distortion", _DOUBLES, "coefficients in the order of the model"),
        _field("model", pa.string(), "projection: pinhole, human36m or opencv"),
        _field("R", _DOUBLES, "world to camera rotation, row by row", shape="3,3"),
        _field("t", _DOUBLES, "world to camera translation", unit="m", shape="3"),
    ],
)
"""One row per take and camera."""

POSES = _schema(
    "poses",
    WORLD,
    [
        *_identity("sequence"),
        _FRAME,
        _field("joints", _FLOATS, "joints in the world", unit="m", shape="J,3"),
        _field("valid", pa.bool_(), "whether the frame may be trained on and scored"),
        _field("smpl_pose", _FLOATS, "SMPL axis-angle pose", unit="rad", shape="72", nullable=True),
        _field("smpl_shape", _FLOATS, "SMPL shape coefficients", shape="10", nullable=True),
        _field("image", pa.string(), "image path, {camera} for the camera's name", nullable=True),
    ],
)
"""One row per frame of a take."""

KEYPOINTS = _schema(
    "keypoints",
    PIXELS,
    [
        *_identity("sequence", "camera"),
        _FRAME,
        _field("points", _FLOATS, "joints in the image", unit="px", shape="J,2"),
        _field("scores", _FLOATS, "detector's confidence in each joint, 0 to 1", shape="J"),
        _field("box", _FLOATS, "x, y, width, height", unit="px", shape="4", nullable=True),
        _field("detector", pa.string(), "where the points come from; gt: projected truth"),
        _field("version", pa.string(), "version of the detector"),
    ],
)
"""One row per frame and camera of a take."""

CLIPS = _schema(
    "clips",
    CAMERA,
    [
        *_identity("sequence", "dataset", "subject", "action", "take", "camera", "split"),
        _FPS,
        _FRAMES,
        *_SIZE,
        _field(
            "keypoints",
            _FLOATS,
            "joints in normalised screen coordinates: x in -1..1, y divided by the width too",
            shape="T,J,2",
        ),
        _field("scores", _FLOATS, "detector's confidence, 0 to 1", shape="T,J"),
        _field("target", _FLOATS, "joints relative to the root", unit="m", shape="T,J,3"),
        _field("root", _FLOATS, "root in camera coordinates", unit="m", shape="T,3"),
        _field(
            "valid",
            _FLAGS,
            "whether a frame may be trained on and scored; null: all",
            shape="T",
            nullable=True,
        ),
        _field(
            "window_starts",
            pa.list_(pa.field("element", pa.int32(), nullable=False)),
            "first frames of windows by the stride in the metadata; null: the reader makes them",
            nullable=True,
        ),
    ],
)
"""One row per take and camera: what a lifter trains on, each frame stored once."""

PREDICTIONS = _schema(
    "predictions",
    CAMERA,
    [
        _field("run", pa.string(), "name of the run whose model predicted"),
        *_identity("sequence", "camera"),
        _FRAME,
        _field("joints", _FLOATS, "predicted joints relative to the root", unit="m", shape="J,3"),
    ],
)
"""One row per frame, camera and run."""

IMAGES = _schema(
    "images",
    "stored image: origin at the centre of the top left pixel, x right, y down",
    [
        _field("image", pa.string(), "name of the image, unique in its dataset"),
        _field("dataset", pa.string(), "dataset of the image; a twin has a name of its own"),
        _field("split", pa.string(), "train, and test, val or valid as the dataset calls it"),
        _field("subject", pa.string(), "person filmed", nullable=True),
        _field("sequence", pa.string(), "take of the image: subject/take", nullable=True),
        _field("camera", pa.string(), "camera of the image", nullable=True),
        _field("frame", pa.int32(), "frame of the take, from 0", nullable=True),
        _field("shard", pa.string(), "tar file that holds the JPEG, beside this table"),
        _field("offset", pa.int64(), "first byte of the JPEG in the shard", unit="byte"),
        _field("size", pa.int64(), "length of the JPEG", unit="byte"),
        *_SIZE,
        _field("origin_x", pa.float64(), "stored x = (source x - origin_x) * zoom", unit="px"),
        _field("origin_y", pa.float64(), "stored y = (source y - origin_y) * zoom", unit="px"),
        _field("zoom", pa.float64(), "stored pixels per pixel of the source image"),
        _field("people", pa.int32(), "number of annotated people, N"),
        _field("points", _FLOATS, "joints in the stored image", unit="px", shape="N,J,2"),
        _field(
            "visibility",
            _LEVELS,
            "0 unlabelled or outside, 1 hidden by something else, 2 by the person, 3 visible",
            shape="N,J",
        ),
        _field("boxes", _FLOATS, "x, y, width, height", unit="px", shape="N,4"),
        _field("areas", _FLOATS, "area of the person in the image", unit="px^2", shape="N"),
        _field(
            "head_sizes",
            _FLOATS,
            "0.6 x diagonal of the head box; NaN: the person has none, null: nobody here has",
            unit="px",
            shape="N",
            nullable=True,
        ),
        _field("crowds", _FLAGS, "whether the box is of a crowd, not of one person", shape="N"),
        _field("ids", _NUMBERS, "numbers of the people in the dataset's files", shape="N"),
    ],
)
"""One row per image; the JPEGs lie in tar shards beside the table."""

BODIES = _schema(
    "bodies",
    "camera: x right, y down, z forward; boxes in the stored image as the images table",
    [
        _field("image", pa.string(), "name of the image in the images table"),
        _field("person", pa.int32(), "number of the person among those of the image, from 0"),
        _field("sequence", pa.string(), "take that the image is from"),
        _field(
            "gender",
            pa.string(),
            "body that pose and shape were fitted with: m, f, or n for neutral",
        ),
        _field("smpl_pose", _FLOATS, "SMPL pose, root in the camera", unit="rad", shape="72"),
        _field("smpl_shape", _FLOATS, "SMPL shape coefficients", shape="10"),
        _field(
            "translation",
            _FLOATS,
            "brings the posed body before the camera; null: no camera is known",
            unit="m",
            shape="3",
            nullable=True,
        ),
        _field("joints", _FLOATS, "SPIN's 24 joints, translated if known", unit="m", shape="24,3"),
        _field("parts", pa.binary(), "PNG of the part map, 0 to 24; null: none", nullable=True),
        _field(
            "parts_box",
            _DOUBLES,
            "x, y, width, height of the square that the part map covers",
            unit="px",
            shape="4",
            nullable=True,
        ),
    ],
)
"""One row per person of a split of images, in the order of the images table."""

FITTED = _schema(
    "fitted",
    "camera: x right, y down, z forward; boxes in the upright picture",
    [
        _field("image", pa.string(), "file name of the picture, or of the video"),
        _FRAME,
        _field("person", pa.int32(), "number of the person among those of the picture, from 0"),
        *_SIZE,
        _field("box", _FLOATS, "x, y, width, height as found, not enlarged", unit="px", shape="4"),
        _field("smpl_pose", _FLOATS, "SMPL pose, root in the camera", unit="rad", shape="72"),
        _field("smpl_shape", _FLOATS, "SMPL shape coefficients", shape="10"),
        _field(
            "camera",
            _FLOATS,
            "weak perspective s, tx, ty of the crop: x = s (X + tx) in -1..1, y likewise",
            shape="3",
        ),
        _field(
            "focal",
            pa.float32(),
            "focal length of the picture's camera, whose axis meets the middle of the picture",
            unit="px",
        ),
        _field("translation", _FLOATS, "puts the body before that camera", unit="m", shape="3"),
        _field("joints", _FLOATS, "joints without the translation", unit="m", shape="J,3"),
    ],
)
"""One row per person of somebody's own pictures or video: the body that a regressor found."""

SCHEMAS = {
    metadata_of(schema)["schema"]: schema
    for schema in (
        *(SEQUENCES, CAMERAS, POSES, KEYPOINTS, CLIPS, PREDICTIONS),
        *(IMAGES, BODIES, FITTED),
    )
}
"""Every table's schema by its name."""
