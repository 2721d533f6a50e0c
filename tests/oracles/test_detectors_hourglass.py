"""Stacked hourglass against the reference: network, targets, parser and loss."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig
from gsam.detectors.hourglass_decoding import parse
from gsam.detectors.hourglass_losses import stack_losses
from gsam.detectors.hourglass_targets import gaussian_maps, hourglass_targets
from gsam.detectors.objective import decode, make_targets, per_sample_loss
from gsam.detectors.parameters import count_parameters
from tests.oracles import recipe

MPII = DetectorConfig(name="hourglass", joint_set="mpii_16", height=256, width=256)


def test_network(oracles: Path) -> None:
    fixture, arrays = recipe.load(oracles / "models/hourglass_8stack_256")
    model = recipe.prepare(build_detector(MPII), fixture)
    spec = {**fixture["inputs"]["image_nhwc"], "shape": [1, 3, 256, 256]}
    image = recipe.model_input("image", spec, fixture["seed"])
    with torch.no_grad():
        outputs = model(image)
    assert len(outputs) == 8
    for stack, output in enumerate(outputs):
        recipe.assert_output(f"stack{stack}", output, fixture, arrays)


@pytest.mark.parametrize(
    "joints, size, stacks, features, increase, count",
    [("mpii_16", 256, 8, 256, 0, 32819328), ("human36m_17", 128, 2, 128, 32, 3103842)],
)
def test_parameter_count(
    joints: str, size: int, stacks: int, features: int, increase: int, count: int
) -> None:
    config = DetectorConfig(
        name="hourglass",
        joint_set=joints,
        height=size,
        width=size,
        stacks=stacks,
        features=features,
        increase=increase,
    )
    assert count_parameters(config) == count


def test_targets(oracles: Path) -> None:
    _, arrays = recipe.load(oracles / "pipelines/hourglass_heatmaps")
    places = torch.from_numpy(arrays["keypoints"][..., :2])
    maps = gaussian_maps(places, 64, 64)
    np.testing.assert_array_equal(maps[0].numpy() > 0, arrays["target"] > 0)
    np.testing.assert_allclose(maps[0].numpy(), arrays["target"], rtol=0, atol=1e-7)
    single = hourglass_targets(MPII, 4 * places.float(), torch.ones(places.shape[:2]))
    np.testing.assert_allclose(single[0].numpy(), arrays["target"], rtol=0, atol=1e-6)


@pytest.mark.parametrize("key, adjust", [("parsed_noadjust", False), ("parsed_adjust", True)])
def test_parser(oracles: Path, key: str, adjust: bool) -> None:
    _, arrays = recipe.load(oracles / "pipelines/hourglass_heatmaps")
    places, scores = parse(torch.from_numpy(arrays["det"]), adjust)
    np.testing.assert_array_equal(places.numpy(), arrays[key][..., :2])
    np.testing.assert_array_equal(scores.numpy(), arrays[key][..., 2].astype(np.float32))


def test_loss(oracles: Path) -> None:
    _, arrays = recipe.load(oracles / "pipelines/hourglass_heatmaps")
    prediction, target = (torch.from_numpy(arrays[key]) for key in ("loss_pred", "loss_gt"))
    losses = stack_losses([prediction, target], target)
    np.testing.assert_allclose(losses[:, 0].numpy(), arrays["loss"], rtol=1e-6)
    assert not losses[:, 1].any()
    total = per_sample_loss(MPII, (prediction, target), target, torch.ones(3, 16))
    np.testing.assert_allclose(total.numpy(), arrays["loss"] / 2, rtol=1e-6)


@pytest.mark.parametrize("quarter_offset", [True, False])
def test_a_target_decodes_to_its_own_cell(quarter_offset: bool) -> None:
    points = torch.tensor([[[50.0, 70.0], [4.0, 2.0], [253.0, 254.0]]])
    maps = make_targets(MPII, points, torch.ones(1, 3))
    found, scores = decode(MPII, maps, quarter_offset)
    assert ((found - points).abs() <= 3.0).all()
    torch.testing.assert_close(scores, torch.ones(1, 3))


def test_nothing_found_is_the_corner_with_score_0() -> None:
    points, scores = decode(MPII, torch.full((1, 2, 64, 64), -1.0), True)
    assert not points.any() and not scores.any()


def test_unlabelled_joints_have_empty_targets() -> None:
    points = torch.full((1, 2, 2), 90.0)
    maps = make_targets(MPII, points, torch.tensor([[0.0, 1.0]]))
    assert not maps[0, 0].any() and maps[0, 1].max() == 1.0


def test_small_maps_keep_a_whole_pixel_of_sigma() -> None:
    maps = gaussian_maps(torch.tensor([[[8.0, 8.0]]]), 16, 16)[0, 0]
    assert maps[8, 8] == 1.0 and 0.5 < maps[8, 9] < 0.7


def test_small_network_answers_at_a_quarter_of_the_input() -> None:
    config = DetectorConfig(
        name="hourglass",
        joint_set="human36m_17",
        height=128,
        width=64,
        stem=8,
        features=16,
        stacks=2,
        increase=4,
    )
    outputs = build_detector(config)(torch.randn(1, 3, 128, 64))
    assert [output.shape for output in outputs] == [(1, 17, 32, 16)] * 2
