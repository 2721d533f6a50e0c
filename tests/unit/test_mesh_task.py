"""Training mesh regressors: the same bits again, any number of processes, what a curve says."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from gsam.body.files import load_body
from gsam.body.rotations import rot6d_to_matrix
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.fixed import FixedPeople
from gsam.meshes.losses import MeshLossConfig
from gsam.meshes.output import MeshOutput
from gsam.meshes.task import MeshTask
from gsam.training.checkpoint import CheckpointFolder
from gsam.training.config import TrainConfig
from gsam.training.feed import ArrayBatch, Arrays, stack
from gsam.training.initial import fresh
from gsam.training.loop import Outcome, fit
from gsam.training.sampling import SampleOrder
from tests.synthetic_bodies import Drawn, arrays_of, compact_body, mean_of, random_people
from tests.unit.test_training import Stopped, StoppingFolder, same

SMALL: dict[str, Any] = {
    "size": 32,
    "channels": 4,
    "stem": 8,
    "bottlenecks": 1,
    "modules": (1, 1, 1),
    "blocks": 1,
    "depth": 14,
    "base": 4,
    "deconv_layers": 1,
    "deconv_filters": 8,
    "shape_features": 4,
    "hidden": 16,
}
TINY = MeshConfig(**SMALL)
QUICK = TrainConfig(epochs=3, batch_size=8, optimizer="adamw", checkpoint_seconds=0, lr=0.002)
LABELLED, BARE, FIXED = 12, 6, 5


def samples_of(config: MeshConfig) -> Arrays:
    """Twelve people with SMPL and six with joints in 2D alone."""
    people = random_people(LABELLED + BARE)
    parts = [
        arrays_of(Drawn(*(value[chosen] for value in people)), config.size, labelled)
        for chosen, labelled in ((slice(LABELLED), True), (slice(LABELLED, None), False))
    ]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


class Given:
    """A feed that changes nothing."""

    def __init__(self, arrays: Arrays) -> None:
        self.arrays = arrays

    def __call__(self, order: SampleOrder, epoch: int) -> Iterator[ArrayBatch]:
        for part in order.slices(epoch):
            samples = [{k: v[item] for k, v in self.arrays.items()} for item in part.items]
            yield stack(samples, part.spare)


def true_joints(people: Drawn) -> np.ndarray:
    body, _ = compact_body()
    poses = torch.from_numpy(people.poses).view(-1, 24, 3)
    return body.h36m_joints(body(torch.from_numpy(people.shapes), poses).vertices).numpy()


def task_of(
    config: MeshConfig = TINY,
    losses: MeshLossConfig | None = None,
    *,
    held_out: bool = True,
    labelled: bool = True,
) -> MeshTask:
    fixed = random_people(FIXED, seed=9)
    pools = (np.arange(LABELLED), LABELLED + np.arange(BARE))
    return MeshTask(
        config,
        losses or MeshLossConfig(),
        load_body(),
        mean_of(random_people(LABELLED)),
        SampleOrder(pools, (0.5, 0.5), 0, 1, limit=20),
        Given(samples_of(config)),
        FixedPeople(arrays_of(fixed, config.size, labelled), true_joints(fixed), held_out),
    )


def train(train_config: TrainConfig = QUICK, config: MeshConfig = TINY, **more: Any) -> Outcome:
    model = fresh(lambda: build_mesh(config, mean_of(random_people(LABELLED))), 0)
    return fit(model, task_of(config), train_config, **{"seed": 0, **more})


VARIANTS: dict[str, dict[str, Any]] = {
    "pare": {},
    "attention": {"heatmaps": "attention"},
    "softargmax": {"heatmaps": "softargmax"},
    "part self-attention": {"attention_heads": 1, "attention_width": 4},
    "hmr": {"name": "hmr", "backbone": "resnet"},
}


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_regressor_lowers_its_loss(variant: str) -> None:
    config = MeshConfig(**{**SMALL, **VARIANTS[variant]})
    outcome = train(replace(QUICK, epochs=4), config)
    first, last = outcome.curve[0], outcome.curve[-1]
    assert outcome.status == "ok" and outcome.seen == 4 * 20
    assert last["train_loss"] < 0.98 * first["train_loss"]
    assert all(np.isfinite(value) for row in outcome.curve for value in row.values())
    assert all(0 < row["val_pa_mpjpe_mm"] < row["val_mpjpe_mm"] < 1000 for row in outcome.curve)


def test_the_same_seed_gives_the_same_bits_and_another_does_not() -> None:
    first = train()
    assert same(first, train())
    assert not same(first, train(seed=1))


def test_a_resumed_training_ends_with_the_same_bits(tmp_path: Path) -> None:
    whole = train()
    for after in (1, 2):
        with pytest.raises(Stopped):
            train(keeper=StoppingFolder(tmp_path / str(after), after))
        assert same(whole, train(keeper=CheckpointFolder(tmp_path / str(after))))


def test_divergence_is_a_result_without_figures() -> None:
    outcome = train(replace(QUICK, optimizer="sgd", lr=1e12))
    assert (outcome.status, outcome.diverged_epoch) == ("diverged", 1)
    row = outcome.curve[-1]
    assert (row["val_loss"], row["val_mpjpe_mm"], row["val_pa_mpjpe_mm"]) == (None, None, None)


class Knows(nn.Module):
    """Answers with given parameters, whatever it sees."""

    def __init__(self, people: Drawn, task: MeshTask, scale: float = 0.9) -> None:
        super().__init__()
        camera = torch.tensor([[scale, 0, 0]]).expand(len(people.poses), 3)
        truth = task.fixed.truth
        self.answer = MeshOutput(truth.rotations, truth.shape, camera, None, None, None)

    def forward(self, inputs: torch.Tensor) -> MeshOutput:
        return MeshOutput(*(None if v is None else v[: len(inputs)] for v in self.answer))


def test_a_true_answer_has_no_error_of_joints() -> None:
    task = task_of(losses=MeshLossConfig(keypoints=0, camera=0))
    found = task.check(Knows(random_people(FIXED, seed=9), task), 64)
    assert found.error == pytest.approx(0, abs=1e-4)
    assert found.more["val_mpjpe_mm"] == pytest.approx(0, abs=1e-3)
    row = task.columns(1.0, found)
    assert row["train_loss"] == 1.0 and row["val_mpjpe_mm"] == found.more["val_mpjpe_mm"]


def test_joints_are_projected_as_the_crop_was_seen() -> None:
    """A person twice as far away as the camera says is drawn half as large, and costs for it."""
    only = MeshLossConfig(
        **dict.fromkeys(("keypoints3d", "pose", "shape", "camera", "parts", "native"), 0.0),
        keypoints=1.0,
        total=1.0,
    )
    task, people = task_of(losses=only), random_people(FIXED, seed=9)
    truth = task.fixed.truth
    near = task.check(Knows(people, task, 0.7), 64).error
    far = task.check(Knows(people, task, 0.2), 64).error
    flat = people.joints[..., :2] - people.translations[:, None, :2]
    expected = ((0.7 * flat - people.points) ** 2).mean() * 24 / 49
    assert near == pytest.approx(float(expected), rel=0.02)  # the crop's camera is nearly affine
    assert near < far / 3 and truth.native is None


def test_points_of_the_skeleton_are_near_those_of_the_joints() -> None:
    task = task_of(MeshConfig(**{**SMALL, "heatmaps": "softargmax"}))
    native = task.fixed.truth.native
    assert native is not None and bool((native[..., 2] == 1).all())
    people = random_people(FIXED, seed=9)
    wrists = people.points[:, [6, 11]]  # right and left, SMPL's joints 21 and 20
    np.testing.assert_allclose(native[:, [21, 20], :2], wrists, atol=0.1)


def test_divergence_is_measured_against_the_mean_parameters() -> None:
    task = task_of()
    mean = task.mean
    rotations = rot6d_to_matrix(torch.from_numpy(mean.pose).view(24, 6)).expand(FIXED, 24, 3, 3)
    shape, camera = (torch.from_numpy(v).expand(FIXED, -1) for v in (mean.shape, mean.cam))
    flat = torch.zeros(FIXED, 25, 8, 8)

    class Mean(nn.Module):
        def forward(self, inputs: torch.Tensor) -> MeshOutput:
            count = len(inputs)
            return MeshOutput(
                rotations[:count], shape[:count], camera[:count], flat[:count], None, None
            )

    assert task.reference(Mean()) == pytest.approx(task.check(Mean(), 2).error, rel=1e-6)
    assert task.reference(Mean()) > task_of(losses=MeshLossConfig(parts=0)).reference(Mean())


def test_people_who_are_trained_on_draw_no_curve() -> None:
    task = task_of(held_out=False, labelled=False)
    with torch.no_grad():
        checked = task.check(build_mesh(TINY).eval(), 4)
    assert np.isfinite(checked.error)
    assert set(task.columns(2.0, checked).values()) == {2.0, None}


class Plain(nn.Module):
    """A regressor without batch normalisation, whose ranks should agree with one process."""

    def __init__(self) -> None:
        super().__init__()
        self.look = nn.Conv2d(3, 25, 4, 4)
        self.tell = nn.Linear(25, 144 + 13)

    def forward(self, inputs: torch.Tensor) -> MeshOutput:
        maps = self.look(inputs)
        pose, shape, camera = self.tell(maps.mean(dim=(2, 3))).split([144, 10, 3], dim=1)
        start = torch.tensor([1.0, 0, 0, 1, 0, 0])
        rotations = rot6d_to_matrix(start + pose.view(-1, 24, 6))
        return MeshOutput(rotations, shape, camera + 0.9, maps, None, None)


def ranked(workers: int) -> list[Outcome]:
    torch.manual_seed(0)
    start = Plain().state_dict()
    found = []
    # Batches of one leave a rank without anybody.
    for size, epochs in ((7, 2), (1, 1)):
        model = Plain()
        model.load_state_dict(start)
        recipe = replace(QUICK, optimizer="sgd", lr=1e-6, batch_size=size, epochs=epochs)
        found.append(fit(model, task_of(), recipe, seed=0, workers=workers))
    return found


def worker(rank: int, world: int, out: Path) -> None:
    torch.set_num_threads(1)
    rendezvous = f"file://{out / 'rendezvous'}"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=world)
    kept = [{"curve": outcome.curve, "weights": outcome.weights} for outcome in ranked(world)]
    torch.save(kept, out / f"{rank}.pt")
    dist.destroy_process_group()


def test_ranks_in_one_process_add_up_to_their_batches() -> None:
    for alone, three in zip(ranked(1), ranked(3), strict=True):
        assert alone.seen == three.seen
        for row, expected in zip(three.curve, alone.curve, strict=True):
            assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
        for name, value in alone.weights.items():
            torch.testing.assert_close(three.weights[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_two_ranks_train_like_one(tmp_path: Path) -> None:
    mp.spawn(worker, (2, tmp_path), nprocs=2)
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for first, second, both, alone in zip(*ranks, ranked(2), ranked(1), strict=True):
        assert first["curve"] == second["curve"] == both.curve  # two ranks in one process
        for row, expected in zip(first["curve"], alone.curve, strict=True):
            assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
        for name, value in alone.weights.items():
            assert torch.equal(first["weights"][name], second["weights"][name])
            assert torch.equal(first["weights"][name], both.weights[name])
            torch.testing.assert_close(first["weights"][name], value, rtol=1e-4, atol=1e-6)
