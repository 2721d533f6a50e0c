"""Losses of mesh regressors: only what is annotated counts, and parts of a batch add up to it."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.body.rotations import axis_angle_to_matrix
from gsam.configs import build
from gsam.errors import ConfigError
from gsam.meshes.augment import NO_PART
from gsam.meshes.losses import (
    TERMS,
    MeshLossConfig,
    MeshTruth,
    Prediction,
    counts,
    total,
)

WEIGHTS = MeshLossConfig(openpose_weight=0.5)


def random_batch(seed: int, people: int) -> tuple[Prediction, MeshTruth]:
    """Answers and truths with every annotation present or not, as chance has it."""
    chance = np.random.default_rng(seed)

    def normal(*shape: int) -> torch.Tensor:
        return torch.from_numpy(chance.standard_normal((people, *shape)))

    def some() -> torch.Tensor:
        return torch.from_numpy(chance.integers(0, 2, people).astype(float))

    parts = torch.from_numpy(chance.integers(0, 25, (people, 6, 6)))
    parts[torch.from_numpy(chance.random((people, 6, 6)) < 0.3)] = NO_PART
    truth = MeshTruth(
        keypoints=normal(49, 3).abs(),
        joints=normal(24, 4).abs(),
        rotations=axis_angle_to_matrix(normal(24, 3)),
        shape=normal(10),
        has_smpl=some(),
        has_3d=some(),
        counted=some(),
        parts=parts,
        native=normal(24, 3).abs(),
    )
    answer = Prediction(
        rotations=axis_angle_to_matrix(normal(24, 3)),
        shape=normal(10),
        camera=normal(3),
        joints=normal(49, 3),
        projected=normal(49, 2),
        parts=normal(25, 3, 3),
        native=normal(24, 2),
    )
    return answer, truth


def loss_of(answer: Prediction, truth: MeshTruth, config: MeshLossConfig = WEIGHTS) -> torch.Tensor:
    return total(config, answer, truth, counts(truth).clamp(min=1))[0]


def part(batch: Any, chosen: slice) -> Any:
    """Some samples of a prediction or a truth."""
    return type(batch)(*(None if value is None else value[chosen] for value in batch))


@given(seed=st.integers(0, 1000), people=st.integers(1, 7), world=st.integers(1, 4))
@settings(max_examples=40, deadline=None)
def test_slices_of_a_batch_add_up_to_it(seed: int, people: int, world: int) -> None:
    answer, truth = random_batch(seed, people)
    slices = [slice(rank, None, world) for rank in range(min(world, people))]
    divisors = sum(counts(part(truth, chosen)) for chosen in slices)
    torch.testing.assert_close(divisors, counts(truth))
    found = [
        total(WEIGHTS, part(answer, chosen), part(truth, chosen), divisors.clamp(min=1))[0]
        for chosen in slices
    ]
    torch.testing.assert_close(torch.stack(found).sum(), loss_of(answer, truth))


@pytest.mark.parametrize(
    ("without", "silent"),
    [
        ("has_smpl", ("rotations", "shape", "parts")),
        ("has_3d", ("joints",)),
        ("counted", Prediction._fields),
    ],
)
def test_what_is_not_annotated_trains_nothing(without: str, silent: tuple[str, ...]) -> None:
    answer, truth = random_batch(3, 4)
    everywhere = dict.fromkeys(("has_smpl", "has_3d", "counted"), torch.ones(4).double())
    known = truth._replace(**everywhere)
    for lost in (known, known._replace(**{without: torch.tensor([1.0, 0, 1, 1]).double()})):
        watched = Prediction(*(value.clone().requires_grad_() for value in answer))
        loss_of(watched, lost).backward()
        for name, value in watched._asdict().items():
            assert value.grad[0].abs().sum() > 0
            if lost is known:
                assert value.grad[1].abs().sum() > 0
            elif name in silent:
                assert value.grad[1].abs().sum() == 0


def test_a_batch_without_any_annotation_has_a_finite_loss() -> None:
    answer, truth = random_batch(1, 3)
    nothing = torch.zeros(3).double()
    bare = truth._replace(
        keypoints=truth.keypoints * 0,
        has_smpl=nothing,
        has_3d=nothing,
        parts=torch.full((3, 6, 6), NO_PART),
        native=None,
    )
    divisors = counts(bare)
    assert divisors[TERMS.index("parts")] == divisors[TERMS.index("pose")] == 0
    assert bool(loss_of(answer, bare).isfinite())


def test_a_true_answer_costs_only_what_its_camera_does() -> None:
    _, truth = random_batch(5, 4)
    truth = truth._replace(counted=torch.ones(4).double())
    answer = Prediction(
        rotations=truth.rotations,
        shape=truth.shape,
        camera=torch.tensor([[0.9, 0, 0]]).double().expand(4, 3),
        joints=torch.cat([torch.zeros(4, 25, 3).double(), truth.joints[..., :3] + 7.0], dim=1),
        projected=truth.keypoints[..., :2],
        parts=1e3 * torch.nn.functional.one_hot(truth.parts % NO_PART, 25).permute(0, 3, 1, 2),
        native=truth.native[..., :2],
    )
    assert float(loss_of(answer, truth)) < 1e-5
    behind = answer._replace(camera=-answer.camera)
    assert float(loss_of(behind, truth)) > 1e6


def test_joints_of_the_part_branch_that_exploded_are_left_alone() -> None:
    answer, truth = random_batch(2, 4)
    truth = truth._replace(counted=torch.ones(4).double())
    lost = answer._replace(native=answer.native + 100, parts=None)
    only = replace(MeshLossConfig(**dict.fromkeys(TERMS[:5], 0.0)), total=1.0)
    assert float(loss_of(lost, truth, only)) == 0
    assert float(loss_of(answer._replace(parts=None), truth, only)) > 0


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_a_weight_is_a_number_of_0_or_more(value: float) -> None:
    with pytest.raises(ConfigError, match=r"losses: pose = .*expected a number of 0 or more"):
        build(MeshLossConfig, {"pose": value}, "losses")
