"""The tables that pass between stages: one published Arrow schema each (gsam.schema_check checks).

Arrays inside a row are lists; the field's metadata gives their shape in symbols (``T,J,3``: T is
the row's `frames` column, N its `people`, J the number of names in the table's `joint_names`),
their unit and a line of documentation. A schema's metadata carries its name, units, joint names and
coordinate frame; the dataset and the producer join them when a table is written.
"""

from __future__ import annotations

import pyarrow as pa

from gsam.schema_fields import (
    DOUBLES,
    FLAGS,
    FLOATS,
    FPS,
    FRAME,
    FRAMES,
    LEVELS,
    NUMBERS,
    SIZE,
    field,
    identity,
    metadata_of,
    schema,
    with_metadata,
)

__all__ = [
    "BODIES",
    "CAMERAS",
    "CLIPS",
    "FITTED",
    "IMAGES",
    "KEYPOINTS",
    "OWN_CAMERA",
    "POSES",
    "PREDICTIONS",
    "RECORDINGS",
    "SCHEMAS",
    "SEQUENCES",
    "WORLD",
    "metadata_of",
    "with_metadata",
]

WORLD = "world: z up, floor at z = 0"
OWN_CAMERA = "camera: x right, y down, z forward; each take has one camera, and R = I, t = 0"
"""Instead of WORLD where a dataset annotates every camera's view by itself (MPI-INF-3DHP)."""
CAMERA = "camera: x right, y down, z forward, root-relative"
PIXELS = "image: origin at the top left pixel, x right, y down"

SEQUENCES = schema(
    "sequences",
    WORLD,
    [*identity("sequence", "dataset", "subject", "action", "take", "split"), FPS, FRAMES],
)
"""One row per take."""

CAMERAS = schema(
    "cameras",
    "x_camera = R x_world + t; camera x right, y down, z forward; world z up",
    [
        *identity("sequence", "camera"),
        *SIZE,
        field("K", DOUBLES, "intrinsic matrix, row by row", unit="px", shape="3,3"),
        field("distortion", DOUBLES, "coefficients in the order of the model"),
        field("model", pa.string(), "projection: pinhole, human36m or opencv"),
        field("R", DOUBLES, "world to camera rotation, row by row", shape="3,3"),
        field("t", DOUBLES, "world to camera translation", unit="m", shape="3"),
    ],
)
"""One row per take and camera."""

POSES = schema(
    "poses",
    WORLD,
    [
        *identity("sequence"),
        FRAME,
        field("joints", FLOATS, "joints in the coordinate frame", unit="m", shape="J,3"),
        field("valid", pa.bool_(), "whether the frame may be trained on and scored"),
        field("smpl_pose", FLOATS, "SMPL axis-angle pose", unit="rad", shape="72", nullable=True),
        field("smpl_shape", FLOATS, "SMPL shape coefficients", shape="10", nullable=True),
        field("image", pa.string(), "image path, {camera} for the camera's name", nullable=True),
    ],
)
"""One row per frame of a take."""

KEYPOINTS = schema(
    "keypoints",
    PIXELS,
    [
        *identity("sequence", "camera"),
        FRAME,
        field("points", FLOATS, "joints in the image", unit="px", shape="J,2"),
        field("scores", FLOATS, "detector's confidence in each joint, 0 to 1", shape="J"),
        field("box", FLOATS, "x, y, width, height", unit="px", shape="4", nullable=True),
        field("detector", pa.string(), "where the points come from; gt: projected truth"),
        field("version", pa.string(), "version of the detector"),
    ],
)
"""One row per frame and camera of a take."""

CLIPS = schema(
    "clips",
    CAMERA,
    [
        *identity("sequence", "dataset", "subject", "action", "take", "camera", "split"),
        FPS,
        FRAMES,
        *SIZE,
        field(
            "keypoints",
            FLOATS,
            "joints in normalised screen coordinates: x in -1..1, y divided by the width too",
            shape="T,J,2",
        ),
        field("scores", FLOATS, "detector's confidence, 0 to 1", shape="T,J"),
        field("target", FLOATS, "joints relative to the root", unit="m", shape="T,J,3"),
        field("root", FLOATS, "root in camera coordinates", unit="m", shape="T,3"),
        field(
            "valid",
            FLAGS,
            "whether a frame may be trained on and scored; null: all",
            shape="T",
            nullable=True,
        ),
        field(
            "window_starts",
            pa.list_(pa.field("element", pa.int32(), nullable=False)),
            "first frames of windows by the stride in the metadata; null: the reader makes them",
            nullable=True,
        ),
    ],
)
"""One row per take and camera: what a lifter trains on, each frame stored once."""

PREDICTIONS = schema(
    "predictions",
    CAMERA,
    [
        field("run", pa.string(), "name of the run whose model predicted"),
        *identity("sequence", "camera"),
        FRAME,
        field("joints", FLOATS, "predicted joints relative to the root", unit="m", shape="J,3"),
    ],
)
"""One row per frame, camera and run."""

IMAGES = schema(
    "images",
    "stored image: origin at the centre of the top left pixel, x right, y down",
    [
        field("image", pa.string(), "name of the image, unique in its dataset"),
        field("dataset", pa.string(), "dataset of the image; a twin has a name of its own"),
        field("split", pa.string(), "train, and test, val or valid as the dataset calls it"),
        field("subject", pa.string(), "person filmed", nullable=True),
        field("sequence", pa.string(), "take of the image: subject/take", nullable=True),
        field("camera", pa.string(), "camera of the image", nullable=True),
        field("frame", pa.int32(), "frame of the take, from 0", nullable=True),
        field("shard", pa.string(), "tar file that holds the JPEG, beside this table"),
        field("offset", pa.int64(), "first byte of the JPEG in the shard", unit="byte"),
        field("size", pa.int64(), "length of the JPEG", unit="byte"),
        *SIZE,
        field("origin_x", pa.float64(), "stored x = (source x - origin_x) * zoom", unit="px"),
        field("origin_y", pa.float64(), "stored y = (source y - origin_y) * zoom", unit="px"),
        field("zoom", pa.float64(), "stored pixels per pixel of the source image"),
        field("people", pa.int32(), "number of annotated people, N"),
        field("points", FLOATS, "joints in the stored image", unit="px", shape="N,J,2"),
        field(
            "visibility",
            LEVELS,
            "0 unlabelled or outside, 1 hidden by something else, 2 by the person, 3 visible",
            shape="N,J",
        ),
        field("boxes", FLOATS, "x, y, width, height", unit="px", shape="N,4"),
        field("areas", FLOATS, "area of the person in the image", unit="px^2", shape="N"),
        field(
            "head_sizes",
            FLOATS,
            "0.6 x diagonal of the head box; NaN: the person has none, null: nobody here has",
            unit="px",
            shape="N",
            nullable=True,
        ),
        field("crowds", FLAGS, "whether the box is of a crowd, not of one person", shape="N"),
        field("ids", NUMBERS, "numbers of the people in the dataset's files", shape="N"),
    ],
)
"""One row per image; the JPEGs lie in tar shards beside the table."""

BODIES = schema(
    "bodies",
    "camera: x right, y down, z forward; boxes in the stored image as the images table",
    [
        field("image", pa.string(), "name of the image in the images table"),
        field("person", pa.int32(), "number of the person among those of the image, from 0"),
        field("sequence", pa.string(), "take that the image is from"),
        field(
            "gender",
            pa.string(),
            "body that pose and shape were fitted with: m, f, or n for neutral",
        ),
        field("smpl_pose", FLOATS, "SMPL pose, root in the camera", unit="rad", shape="72"),
        field("smpl_shape", FLOATS, "SMPL shape coefficients", shape="10"),
        field(
            "translation",
            FLOATS,
            "brings the posed body before the camera; null: no camera is known",
            unit="m",
            shape="3",
            nullable=True,
        ),
        field("joints", FLOATS, "SPIN's 24 joints, translated if known", unit="m", shape="24,3"),
        field("parts", pa.binary(), "PNG of the part map, 0 to 24; null: none", nullable=True),
        field(
            "parts_box",
            DOUBLES,
            "x, y, width, height of the square that the part map covers",
            unit="px",
            shape="4",
            nullable=True,
        ),
    ],
)
"""One row per person of a split of images, in the order of the images table."""

FITTED = schema(
    "fitted",
    "camera: x right, y down, z forward; boxes in the upright picture",
    [
        field("image", pa.string(), "file name of the picture, or of the video"),
        FRAME,
        field("person", pa.int32(), "number of the person among those of the picture, from 0"),
        *SIZE,
        field("box", FLOATS, "x, y, width, height as found, not enlarged", unit="px", shape="4"),
        field("smpl_pose", FLOATS, "SMPL pose, root in the camera", unit="rad", shape="72"),
        field("smpl_shape", FLOATS, "SMPL shape coefficients", shape="10"),
        field(
            "camera",
            FLOATS,
            "weak perspective s, tx, ty of the crop: x = s (X + tx) in -1..1, y likewise",
            shape="3",
        ),
        field(
            "focal",
            pa.float32(),
            "focal length of the picture's camera, whose axis meets the middle of the picture",
            unit="px",
        ),
        field("translation", FLOATS, "puts the body before that camera", unit="m", shape="3"),
        field("joints", FLOATS, "joints without the translation", unit="m", shape="J,3"),
    ],
)
"""One row per person of somebody's own pictures or video: the body that a regressor found."""

RECORDINGS = schema(
    "recordings",
    "3D as `space` in the metadata says: world, or camera (x right, y down, z forward)",
    [
        *identity("subject", "action", "take", "camera"),
        field("split", pa.string(), "train or test; null: for lifting only", nullable=True),
        FPS,
        FRAMES,
        field("first", pa.int32(), "number of the first frame in the file it came from"),
        *SIZE,
        field("points", FLOATS, "joints in the image", unit="px", shape="T,J,2"),
        field("scores", FLOATS, "confidence, 0 to 1; 0: interpolated", shape="T,J"),
        field("joints", FLOATS, "true joints", unit="m", shape="T,J,3", nullable=True),
        field("valid", FLAGS, "frames to score; null: all", shape="T", nullable=True),
        field("K", DOUBLES, "intrinsic matrix", unit="px", shape="3,3", nullable=True),
        field("distortion", DOUBLES, "coefficients in the order of the model", nullable=True),
        field("model", pa.string(), "pinhole, human36m or opencv; null: pinhole", nullable=True),
        field("R", DOUBLES, "world to camera rotation", shape="3,3", nullable=True),
        field("t", DOUBLES, "world to camera translation", unit="m", shape="3", nullable=True),
    ],
)
"""One row per recording and camera: what users bring (docs/custom-data.md)."""

SCHEMAS = {
    metadata_of(one)["schema"]: one
    for one in (
        *(SEQUENCES, CAMERAS, POSES, KEYPOINTS, CLIPS, PREDICTIONS),
        *(IMAGES, BODIES, FITTED, RECORDINGS),
    )
}
"""Every table's schema by its name."""
