"""Human3.6M's community files: the 32-joint skeleton, 3D positions, projected and detected 2D
keypoints.

Layout as in VideoPose3D's archives: each `.npz` holds 0-d object arrays with one pickled
dictionary. Only plain dictionaries, lists, strings, integers and arrays are written, so the
project's allow-listed reader opens them.
"""

import io
import zipfile
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.keypoints.noise import detect
from gsam.storage import atomic_path
from gsam.twin import figure as f
from gsam.twin.blocks import Array

THREE_D = "data_3d_h36m.npz"
GROUND_TRUTH = "data_2d_h36m_gt.npz"
DETECTED = {
    "cpn": "data_2d_h36m_cpn_ft_h36m_dbb.npz",
    "detectron": "data_2d_h36m_detectron_ft_h36m.npz",
    "sh": "data_2d_h36m_sh_ft_h36m.npz",
}
# Raw index of each of the 17 kept joints.
KEPT = (0, 1, 2, 3, 6, 7, 8, 12, 13, 14, 15, 17, 18, 19, 25, 26, 27)
H36M_SIDES = ([4, 5, 6, 11, 12, 13], [1, 2, 3, 14, 15, 16])
MPII_SIDES = ([3, 4, 5, 13, 14, 15], [0, 1, 2, 10, 11, 12])
# Human3.6M-17 index of each MPII-16 joint.
MPII_FROM_H36M = (3, 2, 1, 4, 5, 6, 0, 8, 9, 10, 16, 15, 14, 11, 12, 13)

Positions = dict[str, dict[str, NDArray[np.float32]]]
Keypoints = dict[str, dict[str, list[NDArray[np.float32]]]]


def raw_joints(kept: Array, joints: Array, turns: Array) -> NDArray[np.float32]:
    """The 32-joint skeleton (T, 32, 3) from the 17 kept joints, the body's 24 joints and their
    global rotations.

    Foot parts are the toe joint and the tip of the toes, 11 repeats the root, 16 and 24 the thorax;
    hand parts are the wrist, the thumb's tip, the middle of the hand and the finger tips. World
    metres, person axes in the rotations.
    """
    raw = np.empty((len(kept), 32, 3))
    raw[:, KEPT] = kept
    raw[:, 11] = kept[:, 0]
    raw[:, [16, 24]] = kept[:, 8:9]
    for side, toe, hand in ((1, 4, 28), (0, 9, 20)):
        ankle, ball, wrist, middle = (
            group[side] for group in (f.ANKLES, f.TOES, f.WRISTS, f.HANDS)
        )
        # Feet and hands hang on the regressed ankle and wrist, so that bones keep their lengths.
        foot = kept[:, 3 if side else 6] + joints[:, ball] - joints[:, ankle]
        raw[:, toe] = foot
        raw[:, toe + 1] = foot + turns[:, ball] @ np.array([0.07, 0.0, 0.0])
        palm = joints[:, middle] - joints[:, wrist]
        at = kept[:, 16 if side else 13]
        raw[:, hand] = at
        raw[:, hand + 1] = at + 0.7 * palm + turns[:, wrist] @ np.array([0.06, 0.0, 0.0])
        raw[:, hand + 2] = at + palm
        raw[:, hand + 3] = at + 1.9 * palm
        # Fingers of a hand that props the body bend when they meet the floor.
        fingers = slice(hand + 1, hand + 4)
        raw[:, fingers, 2] = np.maximum(raw[:, fingers, 2], 0.01)
    return raw.astype(np.float32)


def detected(xy: NDArray[np.float64], detector: str, key: str, seed: int) -> NDArray[np.float32]:
    """What a detector's file holds for one camera: (T + 1 to 7, K, 2) px, K = 17, or 16 in MPII
    order for `sh`.

    Videos outlast the motion capture by a few frames, differently for each camera, the person
    standing still.
    """
    surplus = 1 + zlib.crc32(f"{key}/video".encode()) % 7
    longer = np.concatenate([xy, np.repeat(xy[-1:], surplus, axis=0)])
    points = detect(longer, detector, key, seed)[0]
    return points[:, MPII_FROM_H36M] if detector == "sh" else points


def write_3d(folder: Path, positions: Positions) -> None:
    """Write `positions_3d`: {subject: {take: float32 (T, 32, 3) world metres}}."""
    write_archive(folder / THREE_D, {"positions_3d": positions})


def write_ground_truth(folder: Path, keypoints: Keypoints) -> None:
    """Write the projections; as in the original the symmetry holds NumPy integers and no layout is
    named.
    """
    sides = [list(np.array(side, dtype=np.int64)) for side in H36M_SIDES]
    metadata = {"num_joints": 17, "keypoints_symmetry": sides}
    write_archive(folder / GROUND_TRUTH, {"positions_2d": keypoints, "metadata": metadata})


def write_detections(folder: Path, detector: str, keypoints: Keypoints) -> None:
    """Write one detector's file; the stacked hourglass has 16 joints and names no layout."""
    if detector == "sh":
        metadata = {"num_joints": 16, "keypoints_symmetry": [list(s) for s in MPII_SIDES]}
    else:
        metadata = {
            "layout_name": "h36m",
            "num_joints": 17,
            "keypoints_symmetry": [list(s) for s in H36M_SIDES],
        }
    write_archive(folder / DETECTED[detector], {"positions_2d": keypoints, "metadata": metadata})


def write_archive(path: Path, content: dict[str, object]) -> None:
    """An uncompressed `.npz` of 0-d object arrays. The archive's dates are NumPy's constant 1980,
    so bytes repeat.
    """
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        for key, value in content.items():
            entry = zipfile.ZipInfo(f"{key}.npy")
            # Whole, not streamed: Python's patch versions mark streams of unknown size differently.
            content_bytes = io.BytesIO()
            np.lib.format.write_array(content_bytes, np.array(value, dtype=object))
            archive.writestr(entry, content_bytes.getbuffer())
