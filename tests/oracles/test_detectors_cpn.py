"""CPN against the reference: networks, targets, decoding and loss."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig
from gsam.detectors.cpn_decoding import cpn_decode
from gsam.detectors.cpn_losses import cpn_loss, hard_joint_loss
from gsam.detectors.cpn_targets import cpn_kernels, cpn_targets
from gsam.detectors.objective import decode, make_targets, per_sample_loss
from gsam.detectors.parameters import count_parameters
from tests.oracles import recipe

COCO = DetectorConfig(name="cpn", joint_set="coco_17", height=256, width=192)


@pytest.mark.parametrize("name", ["cpn50_256x192", "cpn50_384x288"])
def test_network(oracles: Path, name: str) -> None:
    fixture, arrays = recipe.load(oracles / "models" / name)
    height, width = (4 * side for side in fixture["config"]["output_shape_hw"])
    config = DetectorConfig(name="cpn", joint_set="coco_17", height=height, width=width)
    model = recipe.prepare(build_detector(config), fixture)
    image = recipe.model_input("image", fixture["inputs"]["image"], fixture["seed"])
    with torch.no_grad():
        outputs = model(image)
    keys = ("global0", "global1", "global2", "global3", "refine")
    for output, key in zip(outputs, keys, strict=True):
        recipe.assert_output(key, output, fixture, arrays)


@pytest.mark.parametrize("depth, count", [(50, 27406826), (101, 46398954)])
def test_parameter_count(depth: int, count: int) -> None:
    config = DetectorConfig(name="cpn", joint_set="coco_17", height=256, width=192, depth=depth)
    assert count_parameters(config) == count


def test_targets(oracles: Path) -> None:
    fixture, arrays = recipe.load(oracles / "pipelines/cpn_decode_loss")
    cells = torch.from_numpy(arrays["target_points"]).float()
    points = (cells * 4 + 3.9)[None]  # truncation forgets where in a cell a joint is
    maps = make_targets(COCO, points, torch.ones(points.shape[:2]))
    assert cpn_kernels(256) == tuple(fixture["gaussian_kernels"])
    for level, kernel in enumerate(fixture["gaussian_kernels"]):
        np.testing.assert_allclose(
            maps[0, level].numpy(), arrays[f"target_k{kernel}"], rtol=0, atol=1e-4
        )


def test_decoding(oracles: Path) -> None:
    _, arrays = recipe.load(oracles / "pipelines/cpn_decode_loss")
    points, scores = decode(COCO, torch.from_numpy(arrays["score_maps"]), quarter_offset=True)
    corners = torch.from_numpy(arrays["det_xyxy"])[:, None]
    size = torch.tensor([COCO.width, COCO.height])
    image = points / size * (corners[..., 2:] - corners[..., :2]) + corners[..., :2]
    np.testing.assert_allclose(image.numpy(), arrays["keypoints"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(scores.numpy(), arrays["v_score"], rtol=0, atol=1e-5)


def test_loss(oracles: Path) -> None:
    fixture, arrays = recipe.load(oracles / "pipelines/cpn_decode_loss")
    levels = range(4)
    outputs = [torch.from_numpy(arrays[f"loss_global{level}"]) for level in levels]
    refined = torch.from_numpy(arrays["loss_refine"])
    targets = torch.stack([torch.from_numpy(arrays[f"loss_target{i}"]) for i in levels], dim=1)
    weight = torch.from_numpy(arrays["loss_valid"])
    hardest = hard_joint_loss(refined, targets[:, -1], weight > 0.1).mean()
    assert hardest.item() == pytest.approx(fixture["refine_ohkm_loss"], rel=1e-5)
    losses = per_sample_loss(COCO, (*outputs, refined), targets, weight)
    assert losses.shape == (4,)
    assert losses.mean().item() == pytest.approx(fixture["total"], rel=1e-5)


def test_gaussian_blur_equals_opencv_at_any_size() -> None:
    import cv2

    config = DetectorConfig(name="cpn", joint_set="coco_17", height=128, width=64, base=8)
    points = torch.tensor([[[0.0, 0.0], [63.9, 127.9], [5.0, 90.0], [60.0, 4.0]]])
    maps = cpn_targets(config, points, torch.ones(1, 4))
    for level, kernel in enumerate(cpn_kernels(128)):
        for joint, (x, y) in enumerate(points[0].numpy()):
            pulse = np.zeros((32, 16), np.float32)
            pulse[int(y / 4), int(x / 4)] = 1
            blurred = cv2.GaussianBlur(pulse, (kernel, kernel), 0)
            expected = blurred / blurred.max() * 255
            np.testing.assert_allclose(maps[0, level, joint].numpy(), expected, atol=1e-3)


def test_joints_outside_or_unlabelled_have_empty_targets() -> None:
    points = torch.tensor([[[-1.0, 5.0], [192.0, 5.0], [5.0, 256.0], [50.0, 60.0], [1e9, 3.0]]])
    weight = torch.tensor([[2.0, 2.0, 2.0, 0.0, 2.0]])
    assert not cpn_targets(COCO, points, weight).any()


def test_a_target_decodes_to_its_own_cell() -> None:
    points = torch.tensor([[[50.0, 70.0], [20.0, 18.0], [170.0, 238.0]]])
    maps = cpn_targets(COCO, points, torch.ones(1, 3))[:, -1]
    found, scores = cpn_decode(COCO, maps, quarter_offset=False)
    assert ((found - points).abs() <= 2.0).all()
    torch.testing.assert_close(scores, torch.full((1, 3), 1.5))


def test_empty_maps_decode_to_numbers() -> None:
    for value in (0.0, -1.0):
        points, scores = cpn_decode(COCO, torch.full((1, 2, 64, 48), value), quarter_offset=True)
        assert points.isfinite().all() and scores.isfinite().all()


def test_loss_ignores_unlabelled_joints_of_the_refined_map() -> None:
    targets = torch.zeros(1, 4, 2, 4, 4)
    outputs = [torch.zeros(1, 2, 4, 4) for _ in range(5)]
    outputs[-1][0, 1] = 3.0
    assert cpn_loss(outputs, targets, torch.tensor([[2.0, 0.0]])).item() == 0.0
    assert cpn_loss(outputs, targets, torch.tensor([[2.0, 1.0]])).item() == pytest.approx(4.5)


def test_small_network_learns_on_one_batch() -> None:
    torch.manual_seed(0)
    config = DetectorConfig(
        name="cpn", joint_set="mpii_16", height=64, width=64, depth=14, base=8, features=16
    )
    model = build_detector(config).train()
    images, points = torch.randn(2, 3, 64, 64), torch.rand(2, 16, 2) * 60
    weight = torch.full((2, 16), 2.0)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(6):
        targets = make_targets(config, points, weight)
        loss = per_sample_loss(config, model(images), targets, weight).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
