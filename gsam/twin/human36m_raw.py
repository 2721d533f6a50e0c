"""The twin of Human3.6M in the layouts of the original files, out of its community archives.

    python -m gsam.twin.human36m_raw SOURCE OUT --container cdf|mat|h5

SOURCE holds the twin's archives (data/source). OUT gets, for `cdf` and `mat`, S*/MyPoseFeatures
with positions in the world, in each camera's frame and in its picture; for `h5`, h36m/S*/MyPoses
with those in the world alone, as in the original. Beside them lie the stacked hourglass's files,
metadata.xml and the archives of detectors that come in no other form. Clips made of OUT are, byte
for byte, those made of SOURCE.

As in the original: names of before the community renamed them, S11's `Directions` (here a copy of
its second take), and `_ALL`, which is no take.
"""

import argparse
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.datasets.human36m.cameras import MM_PER_M, human36m_cameras
from gsam.datasets.human36m.files import BROKEN, KEYPOINT_FILES, POSES_FILE, action_of
from gsam.datasets.human36m.raw_files import CONTAINERS, METADATA
from gsam.errors import ConfigError, GsamError
from gsam.progress import progress
from gsam.storage import atomic_directory, read_json, write_text
from gsam.twin.archive import KEPT
from gsam.twin.blocks import Array
from gsam.twin.cdf_file import save_cdf
from gsam.twin.human36m_metadata import metadata_xml
from gsam.twin.mat_file import save_mat
from gsam.twin_mark import MARK, twin_of, write_mark
from gsam.unpickle import load_object_npz

HOURGLASS = "StackedHourglassFineTuned240"
ORIGINAL_NAMES = {"Photo": "TakingPhoto", "WalkDog": "WalkingDog"}
# Subjects whose files bear the shorter names: the original has both.
RENAMED_SUBJECTS = ("S5", "S11")
ONLY_IN_ARCHIVES = ("cpn", "detectron")

Takes = dict[str, dict[str, Any]]


def write_raw_twin(source: Path, target: Path, container: str) -> None:
    """Write the layout into `target`, a new folder.

    Raises ConfigError for an unknown container and a source that is no twin of Human3.6M, DataError
    for archives that cannot be read. The same source gives the same bytes.
    """
    if container not in CONTAINERS:
        raise ConfigError(f"container {container!r}, expected one of {', '.join(CONTAINERS)}")
    if twin_of(source) != "human36m":
        raise ConfigError(f"{source}: no {MARK} of a twin of Human3.6M, expected its archives")
    positions: Takes = load_object_npz(source / POSES_FILE, "positions_3d")
    truth: Takes = load_object_npz(source / KEYPOINT_FILES["gt"], "positions_2d")
    hourglass: Takes = load_object_npz(source / KEYPOINT_FILES["sh"], "positions_2d")
    takes = [(subject, name) for subject in positions for name in positions[subject]]
    with atomic_directory(target) as out:
        root = out / "h36m" if container == "h5" else out
        for subject, name in progress(takes, "write takes"):
            joints = positions[subject][name]
            for copy in _names_of(subject, name):
                _write_take(root, container, subject, copy, joints, truth[subject][name])
                _write_hourglass(root, subject, copy, hourglass[subject][name])
        write_text(root / METADATA, metadata_xml(_listing(takes)))
        for detector in ONLY_IN_ARCHIVES:
            shutil.copyfile(source / KEYPOINT_FILES[detector], out / KEYPOINT_FILES[detector])
        write_mark(out, "human36m", int(read_json(source / MARK)["seed"]))


def _names_of(subject: str, name: str) -> Iterator[str]:
    """What a take's files are called; one stands in for the take whose video is broken as well."""
    yield _original_name(subject, name)
    owner, _, broken = BROKEN.partition("/")
    if (subject, action_of(name)) == (owner, action_of(broken)):
        yield _original_name(owner, broken)
    if (subject, name) == ("S1", "Directions"):
        yield "_ALL"


def _original_name(subject: str, name: str) -> str:
    action, *suffix = name.split(" ")
    action = action if subject in RENAMED_SUBJECTS else ORIGINAL_NAMES.get(action, action)
    return " ".join([action, *suffix])


def _listing(takes: list[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for subject, name in sorted(takes):
        found.setdefault((subject, action_of(name)), []).append(_original_name(subject, name))
    return found


def _write_take(
    root: Path,
    container: str,
    subject: str,
    name: str,
    joints: NDArray[np.float32],
    truth: list[NDArray[np.float32]],
) -> None:
    """The positions of one take: joints (T, 32, 3) in the world, metres; truth (T, 17, 2) px."""
    inside, extension = CONTAINERS[container]
    # Doubles: not every float32 of metres is a float32 of millimetres divided by a thousand.
    world = joints.astype(np.float64)
    _save(root / subject / inside / f"{name}{extension}", world * MM_PER_M)
    if container == "h5":
        return
    features = root / subject / "MyPoseFeatures"
    for camera, pixels in zip(human36m_cameras()[subject], truth, strict=True):
        seen = camera.world_to_camera(world)
        file = f"{name}.{camera.name}{extension}"
        _save(features / "D3_Positions_mono" / file, seen * MM_PER_M)
        _save(features / "D2_Positions" / file, _pixels(camera, seen, pixels))


def _pixels(camera: Camera, seen: Array, truth: NDArray[np.float32]) -> Array:
    """All 32 joints px; those that the archive has too are the archive's, to the last bit."""
    pixels = camera.project(seen)
    pixels[:, KEPT] = truth
    return pixels


def _save(path: Path, values: Array) -> None:
    """One array (T, 32, axes) as the container's extension says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = values.reshape(len(values), -1)
    if path.suffix == ".cdf":
        save_cdf(path, rows)
    elif path.suffix == ".mat":
        cell = np.empty((1, 1), object)
        cell[0, 0] = rows
        save_mat(path, {"data": cell}, "Human3.6M")
    else:
        _save_h5(path, "3D_positions", rows.T)


def _save_h5(path: Path, key: str, values: NDArray[Any]) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset(key, data=values)


def _write_hourglass(root: Path, subject: str, name: str, views: list[NDArray[np.float32]]) -> None:
    folder = root / subject / HOURGLASS
    folder.mkdir(parents=True, exist_ok=True)
    for camera, found in zip(human36m_cameras()[subject], views, strict=True):
        _save_h5(folder / f"{name.replace(' ', '_')}.{camera.name}.h5", "poses", found)


def main() -> None:
    """The command: see the module's text."""
    parser = argparse.ArgumentParser(prog="python -m gsam.twin.human36m_raw")
    parser.add_argument("source", type=Path, help="folder of the twin's archives")
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--container", choices=tuple(CONTAINERS), default="cdf")
    given = parser.parse_args()
    try:
        write_raw_twin(given.source, given.out, given.container)
    except GsamError as error:
        print(f"{parser.prog}: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    print(f"{given.out}: twin of Human3.6M in the original's layout ({given.container})")


if __name__ == "__main__":
    main()
