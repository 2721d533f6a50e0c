"""Makes the twin: plans the takes, performs them, films them with the real cameras and writes the
raw files.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.body.smpl import SmplBody
from gsam.cameras import Camera
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.twin import archive
from gsam.twin.actions import ACTIONS
from gsam.twin.blocks import Array
from gsam.twin.config import TwinConfig
from gsam.twin.figure import TO_PERSON, Figure
from gsam.twin.performance import Actor, Style, clock
from gsam.twin.solve import Pose, local_rotations, solve
from gsam.twin.steps import AREA_AXES, AREA_CENTRE
from gsam.twin.subjects import BETAS, TakePlan, plan_takes, stream, style
from gsam.twin_mark import write_mark

# Frames that the body is posed for at once: large enough for fast products, small enough for
# memory.
BATCH = 2048


class Performer:
    """One subject: body, style and cameras, ready to act takes."""

    def __init__(self, subject: str, config: TwinConfig, body: SmplBody):
        """`body` is the whole parametric body; only the vertices that give joints are kept."""
        self.subject, self.config = subject, config
        self.betas = torch.tensor([BETAS[subject]], dtype=torch.float32)
        self.body = body.subset(body.h36m_vertex_ids())
        whole = body.v_template[:, 1] + body.shapedirs[:, 1] @ self.betas[0]
        rest = body.rest_joints(self.betas)[0].numpy()
        self.figure = Figure.from_rest(rest, float(whole.min()), body.parents)
        self.style = style(config, subject)

    def actor(self, plan: TakePlan) -> Actor:
        """The subject about to perform a take: where, facing where, leading with which hand."""
        rng = stream(self.config.seed, plan.subject, plan.name, "motion")
        angle, radius = rng.uniform(0.0, 2.0 * np.pi), np.sqrt(rng.uniform())
        spot = radius * np.array([np.cos(angle), np.sin(angle)])
        return Actor(
            rng=rng,
            t=clock(plan.frames),
            figure=self.figure,
            style=self._mood(rng),
            side=int(rng.uniform() < self.style.right_handed),
            place=AREA_CENTRE + AREA_AXES * spot,
            facing=rng.uniform(-np.pi, np.pi),
        )

    def _mood(self, rng: np.random.Generator) -> Style:
        """The subject's style, a little different in every take."""
        usual = vars(self.style)
        changed = {name: value * rng.uniform(0.85, 1.15) for name, value in usual.items()}
        return Style(**changed)

    def perform(self, plan: TakePlan) -> Pose:
        """The pose of every frame of a take."""
        return solve(self.figure, ACTIONS[plan.action](self.actor(plan)))

    def joints(self, pose: Pose) -> NDArray[np.float32]:
        """Raw joints (T, 32, 3), world metres: 17 regressed from the skin, the others from the
        skeleton.
        """
        local = torch.from_numpy(local_rotations(self.figure, pose).astype(np.float32))
        # The body puts its pelvis where its rest shape has it; move it to where the motion wants
        # it.
        origin = torch.from_numpy(
            (pose.at[:, 0] - self.figure.joints[0] @ TO_PERSON).astype(np.float32)
        )
        parts = []
        with torch.inference_mode():
            for rotations, shift in zip(local.split(BATCH), origin.split(BATCH), strict=True):
                betas = self.betas.expand(len(shift), -1)
                posed = self.body(betas, rotations, shift)
                parts.append(self.body.h36m_joints(posed.vertices))
        kept = torch.cat(parts).numpy().astype(np.float64)
        return archive.raw_joints(kept, pose.at, pose.turn)


def generate(
    folder: Path | str,
    config: TwinConfig,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write the five raw files of the synthetic Human3.6M into `folder`: 3D, projected 2D, three
    detectors; and the mark that says that they are a twin's.

    The files have the layout and the names of the community's archives (`archive`). The same config
    gives the same bytes. `progress(done, total)` is called after every take.
    """
    with _one_thread():
        _generate(Path(folder), config, progress)


@contextmanager
def _one_thread() -> Iterator[None]:
    """PyTorch on one thread: the batches are too small to share between threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _generate(
    target: Path, config: TwinConfig, progress: Callable[[int, int], None] | None
) -> None:
    body = load_body()
    cameras = human36m_cameras()
    positions: archive.Positions = {subject: {} for subject in BETAS}
    keypoints: dict[str, archive.Keypoints] = {
        source: {subject: {} for subject in BETAS} for source in ("gt", *archive.DETECTED)
    }
    performers = {subject: Performer(subject, config, body) for subject in BETAS}
    plans = plan_takes(config)
    for done, plan in enumerate(plans, start=1):
        performer = performers[plan.subject]
        raw = performer.joints(performer.perform(plan))
        positions[plan.subject][plan.name] = raw
        views = film(raw, cameras[plan.subject])
        keypoints["gt"][plan.subject][plan.name] = [view.astype(np.float32) for view in views]
        for detector in archive.DETECTED:
            keypoints[detector][plan.subject][plan.name] = [
                archive.detected(
                    view, detector, f"{plan.subject}/{plan.name}/{camera.name}", config.seed
                )
                for view, camera in zip(views, cameras[plan.subject], strict=True)
            ]
        if progress is not None:
            progress(done, len(plans))
    archive.write_3d(target, positions)
    archive.write_ground_truth(target, keypoints["gt"])
    for detector in archive.DETECTED:
        archive.write_detections(target, detector, keypoints[detector])
    write_mark(target, "human36m", config.seed)


def film(raw: NDArray[np.float32], cameras: tuple[Camera, ...]) -> list[Array]:
    """The 17 kept joints (T, 17, 2) px in each camera, with the lens' full distortion."""
    world = raw[:, archive.KEPT].astype(np.float64)
    return [camera.project(camera.world_to_camera(world)) for camera in cameras]
