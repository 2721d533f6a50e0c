"""The recordings as arrays: what each camera's annotations hold, before any file is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.cameras import Camera
from gsam.datasets.mpi_inf_3dhp.files import TEST_FPS, TESTS, TRAINING
from gsam.skeletons import MPI_INF_3DHP_28
from gsam.twin.blocks import Array
from gsam.twin.config import FPS
from gsam.twin.figure import TO_PERSON
from gsam.twin.steps import AREA_CENTRE
from gsam.twin.subjects import stream
from gsam.twin.threedhp.acting import ACTIVITIES, Performer
from gsam.twin.threedhp.config import TwinThreedhpConfig
from gsam.twin.threedhp.rig import studio, test_camera

# Least share of a test sequence's frames that are marked valid, in stretches of so many seconds.
_FEWEST_VALID, _STRETCH_SECONDS = 0.35, 0.8
_MM = 1000.0


@dataclass(frozen=True, eq=False)
class View:
    """One camera's annotations of a recording, as the original's files hold them.

    points (T, 28, 2) px; metric, universal (T, 28, 3): millimetres in the camera's frame. The
    universal skeleton has the metric one's pelvis and does not project onto the points.
    """

    camera: Camera
    points: NDArray[np.float32]
    metric: NDArray[np.float32]
    universal: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Recording:
    """One sequence: "S1 Seq1" of a training subject, or "TS1".

    activities (T,) 1 to 7 and valid (T,) are what a test sequence's file says of its frames.
    """

    subject: str
    sequence: str
    fps: int
    views: tuple[View, ...]
    activities: NDArray[np.int64]
    valid: NDArray[np.bool_]


def training_recordings(config: TwinThreedhpConfig) -> Iterator[Recording]:
    """The sixteen sequences, of fourteen cameras each, in order."""
    body, cameras = load_body(), studio(config.seed)
    for (subject, sequence), length in TRAINING.items():
        performer = Performer.draw(subject, config.seed, body)
        yield _record(performer, sequence, length.fps, config.seconds, cameras)


def test_recordings(config: TwinThreedhpConfig) -> Iterator[Recording]:
    """The six test sequences, of one camera each, in order."""
    body = load_body()
    for name in TESTS:
        camera = test_camera(config.seed, name)
        performer = Performer.draw(name, config.seed, body)
        yield _record(performer, "", TEST_FPS, config.test_seconds, (camera,))


def _record(
    performer: Performer, sequence: str, fps: int, seconds: float, cameras: tuple[Camera, ...]
) -> Recording:
    every = round(FPS / fps)
    frames = round(seconds * fps)
    words = (sequence, "motion")
    acted = performer.act(words, _agenda(performer, sequence, seconds), frames * every)
    # The studio's axes (z up) to the recording's (y up), its middle to the origin.
    world = (acted.joints[::every] - (*AREA_CENTRE, 0.0)) @ TO_PERSON
    scale = performer.build.universal_scale
    rng = stream(performer.seed, "3dhp", performer.name, "valid")
    test = TESTS.get(performer.name)
    # The original's share outdoors; indoors too few frames would be left of a short recording.
    share = max(_FEWEST_VALID, test.valid / test.frames) if test else 1.0
    return Recording(
        performer.name,
        sequence,
        fps,
        tuple(_view(camera, world, scale) for camera in cameras),
        acted.activities[::every],
        _valid(rng, frames, round(_STRETCH_SECONDS * fps), share),
    )


def _agenda(performer: Performer, sequence: str, seconds: float) -> list[int]:
    """Activities in an order of the recording's own, more of them than it has time for.

    The test sequences begin with one each, so that together they show all.
    """
    rng = stream(performer.seed, "3dhp", performer.name, sequence, "agenda")
    names = sorted(ACTIVITIES)
    order = [int(value) for _ in range(int(seconds)) for value in rng.permutation(names)]
    if performer.name in TESTS:
        first = list(TESTS).index(performer.name)
        order = [names[first % len(names)], names[(first + 3) % len(names)], *order]
    return order


def _view(camera: Camera, world: Array, scale: float) -> View:
    seen = camera.world_to_camera(world)
    pelvis = seen[:, [MPI_INF_3DHP_28.root]]
    return View(
        camera,
        camera.project(seen).astype(np.float32),
        (_MM * seen).astype(np.float32),
        (_MM * (pelvis + scale * (seen - pelvis))).astype(np.float32),
    )


def _valid(rng: np.random.Generator, frames: int, stretch: int, share: float) -> NDArray[np.bool_]:
    """Which frames are scored: stretches of them, at least one."""
    starts = np.arange(0, frames, stretch)
    chosen = rng.permutation(len(starts)) < max(1, round(share * len(starts)))
    return np.repeat(chosen, stretch)[:frames]
