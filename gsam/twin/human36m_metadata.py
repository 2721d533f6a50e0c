"""`metadata.xml` of the twin of Human3.6M: the table of its takes and the calibration `w0`."""

import numpy as np
from numpy.typing import NDArray

from gsam.cameras import Camera
from gsam.datasets.human36m.cameras import MM_PER_M, human36m_cameras
from gsam.datasets.human36m.files import ACTIONS
from gsam.datasets.human36m.metadata import CAMERAS, SUBJECTS_OF_W0

__all__ = ["metadata_xml"]


def metadata_xml(names: dict[tuple[str, str], list[str]]) -> str:
    """The file's text. `names` lists the files of an action, by subject and action.

    Subjects without public poses have zeros for their cameras.
    """
    subjects = [f"S{number}" for number in range(1, SUBJECTS_OF_W0 + 1)]
    rows = [_row(["action", "subaction", *subjects])]
    for number, action in enumerate(ACTIONS, start=2):
        for take in (0, 1):
            files = [[*names.get((subject, action), []), "", ""][take] for subject in subjects]
            rows.append(_row([str(number), str(take + 1), *files]))
    actions = "".join(f"<action>{action}</action>" for action in ("_ALL", *ACTIONS))
    cameras = "".join(f"<camera>{camera.name}</camera>" for camera in human36m_cameras()["S1"])
    numbers = " ".join(repr(float(number)) for number in _w0())
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n<metadata>\n'
        f"<mapping>\n{''.join(rows)}</mapping>\n<actionnames>{actions}</actionnames>\n"
        f"<dbcameras><index2id>{cameras}</index2id></dbcameras>\n<w0>[{numbers}]</w0>\n"
        "</metadata>\n"
    )


def _row(texts: list[str]) -> str:
    return "<tr>" + "".join(f"<td>{text}</td>" for text in texts) + "</tr>\n"


def _w0() -> NDArray[np.float64]:
    extrinsic = np.zeros((CAMERAS, SUBJECTS_OF_W0, 6))
    for subject, cameras in human36m_cameras().items():
        for index, camera in enumerate(cameras):
            place = camera.centre * MM_PER_M
            extrinsic[index, int(subject[1:]) - 1] = [*_angles(camera.R), *place]
    lenses = [_lens(camera) for camera in human36m_cameras()["S1"]]
    return np.concatenate([extrinsic.ravel(), np.ravel(lenses)])


def _angles(rotation: NDArray[np.float64]) -> tuple[float, float, float]:
    """Turns about x, y and z that make a rotation: the inverse of `rotation_of`."""
    return (
        float(np.arctan2(-rotation[1, 2], rotation[2, 2])),
        float(np.arcsin(rotation[0, 2])),
        float(np.arctan2(-rotation[0, 1], rotation[0, 0])),
    )


def _lens(camera: Camera) -> tuple[float, ...]:
    k1, k2, k3, t0, t1 = camera.distortion
    # The original's tangential pair stands in the other order than the community's.
    return camera.fx, camera.fy, camera.cx, camera.cy, k1, k2, k3, t1, t0
