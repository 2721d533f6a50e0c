"""A sheet of lifted poses: 2D input, then the prediction (over truth, where there is any) from the
camera and from the side."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gsam.skeletons import H36M_17, Skeleton
from gsam.storage import atomic_path

POSES_PER_ROW = 3
ROW_INCHES, TITLE_INCHES = 2.2, 0.5

LEFT_COLOUR, RIGHT_COLOUR, MIDDLE_COLOUR, TRUTH_COLOUR = "#1f6fb4", "#d0562b", "#444444", "#b8b8b8"


@dataclass(frozen=True)
class LiftedPose:
    """One frame: keypoints (J, 2) normalised; prediction, target (J, 3) metres, camera frame.

    Without a target there is nothing to measure the prediction by.
    """

    label: str
    keypoints: NDArray[np.float32]
    prediction: NDArray[np.float32]
    target: NDArray[np.float32] | None = None

    @property
    def error_mm(self) -> float | None:
        """MPJPE of this frame; None without truth."""
        if self.target is None:
            return None
        return float(np.linalg.norm(self.prediction - self.target, axis=-1).mean() * 1000)


def draw_sheet(
    poses: Sequence[LiftedPose], title: str, path: Path, skeleton: Skeleton = H36M_17
) -> None:
    """Draw a PNG, three poses to a row, three views each; equal poses give equal bytes."""
    rows = -(-len(poses) // POSES_PER_ROW)
    height = ROW_INCHES * rows + TITLE_INCHES
    figure = Figure(figsize=(13, height), dpi=80)
    FigureCanvasAgg(figure)
    axes = figure.subplots(rows, 3 * POSES_PER_ROW, squeeze=False)
    for axis in axes.ravel():
        axis.set_axis_off()
    for number, pose in enumerate(poses):
        row, first = divmod(number, POSES_PER_ROW)
        _draw_pose(axes[row, 3 * first : 3 * first + 3], pose, skeleton)
    top = 1 - (TITLE_INCHES + 0.1) / height
    figure.subplots_adjust(0.01, 0.01, 0.99, top, wspace=0.02, hspace=0.16)
    figure.text(0.01, 1 - 0.3 / height, title, fontsize=11)
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})


def _draw_pose(axes: NDArray[np.object_], pose: LiftedPose, skeleton: Skeleton) -> None:
    """2D input; from the camera (x right, y down); from the side (z, the depth, to the right)."""
    _draw_bones(axes[0], pose.keypoints, skeleton)
    axes[0].set_title(pose.label, fontsize=9)
    for axis, (across, name) in zip(axes[1:], ((0, "camera"), (2, "side")), strict=True):
        if pose.target is not None:
            _draw_bones(axis, pose.target[:, [across, 1]], skeleton, TRUTH_COLOUR)
        _draw_bones(axis, pose.prediction[:, [across, 1]], skeleton)
        measured = "" if pose.error_mm is None or across == 0 else f", {pose.error_mm:.0f} mm"
        axis.set_title(name + measured, fontsize=9)
        axis.set_xlim(-0.95, 0.95)
        axis.set_ylim(0.95, -0.95)


def _draw_bones(
    axis: Axes, points: NDArray[np.float32], skeleton: Skeleton, colour: str | None = None
) -> None:
    """Bones in the colour of their side, or all in one; y grows downwards as in an image."""
    for parent, child in skeleton.bones:
        side = LEFT_COLOUR if child in skeleton.left else MIDDLE_COLOUR
        side = RIGHT_COLOUR if child in skeleton.right else side
        axis.plot(
            *points[[parent, child]].T,
            color=colour or side,
            linewidth=3.5 if colour else 1.8,
            solid_capstyle="round",
        )
    axis.set_aspect("equal")
    if colour is None:
        axis.yaxis.set_inverted(True)
