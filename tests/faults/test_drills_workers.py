"""SIGKILL of one process among several: a training worker, an actor of Ray Data."""

from pathlib import Path

import pytest

from gsam.storage import digest
from tests import detect_workspace
from tests.faults.drills import lifter_bytes, note, stage
from tests.workspaces import RUN, make_workspace, run_stage, with_training

pytestmark = [pytest.mark.drill, pytest.mark.slow]

TRAINED = {**with_training(epochs=60), "workers": 2}
assert RUN["lifter"]["dropout"] > 0, "the workers' random numbers are to count"
FRAMES = 150


def checkpoints(folder: Path) -> int:
    """Ray's checkpoints that are there."""
    return len(list((folder / ".gsam/runs").glob("*/checkpoint_*")))


def test_a_killed_training_worker(tmp_path: Path) -> None:
    undisturbed = make_workspace(tmp_path / "undisturbed", TRAINED)
    done = run_stage(undisturbed, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr

    folder = make_workspace(tmp_path / "disturbed", TRAINED)
    training = stage(folder, "train_lifter", "tiny")
    training.until(lambda: checkpoints(folder) > 0)
    training.kill_one("ray::RayTrainWorker")
    ended = training.end()
    assert ended.code == 0, ended.output
    assert lifter_bytes(folder) == lifter_bytes(undisturbed)
    note(
        "training worker",
        "after the first checkpoint",
        "both workers start again at the last checkpoint; exit 0",
        ended.seconds,
    )


def test_a_killed_actor_of_ray_data_during_detect(tmp_path: Path) -> None:
    undisturbed = detect_workspace.make_workspace(tmp_path / "undisturbed", frames=FRAMES)
    done = run_stage(undisturbed, "detect", "tiny")
    assert done.returncode == 0, done.stderr

    folder = detect_workspace.make_workspace(tmp_path / "disturbed", frames=FRAMES, workers=2)
    detection = stage(folder, "detect", "tiny")
    detection.until(lambda: shards(folder) >= 3)
    detection.kill_one("ray::MapWorker")
    kept = shards(folder)
    ended = detection.end()
    assert ended.code == 0, ended.output
    keypoints = "data/keypoints/tiny"
    assert digest(folder / keypoints) == digest(undisturbed / keypoints)
    note(
        "Ray Data actor during detect",
        f"{kept} of 29 shards finished",
        "another actor takes over; exit 0",
        ended.seconds,
    )


def shards(folder: Path) -> int:
    """Finished shards of pictures."""
    return len(list((folder / ".gsam/detect").glob("*/*.shard")))
