"""Targets, decoding and losses of HRNet at the edges that the oracles do not reach."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from gsam.detectors import DetectorConfig
from gsam.detectors.decoding import best_cells, decode_heatmaps, quarter_steps
from gsam.detectors.losses import joints_mse
from gsam.detectors.targets import gaussian_targets


def config(**changes: Any) -> DetectorConfig:
    return DetectorConfig(**{"height": 64, "width": 96, "joint_set": "coco_17", **changes})


def one(x: float, y: float, **changes: Any) -> tuple[Tensor, Tensor]:
    """Map (h, w) and weight of one joint at (x, y) input pixels."""
    setup = config(**changes)
    points = torch.full((1, setup.joints, 2), 30.0)
    points[0, 0] = torch.tensor([x, y])
    maps, weight = gaussian_targets(setup, points, torch.ones(1, setup.joints))
    return maps[0, 0], weight[0, 0]


def by_cells(x: float, y: float, sigma: float) -> np.ndarray[Any, Any]:
    """The reference's rule, cell by cell."""
    maps = np.zeros((16, 24))
    across, down = (int(np.float32(value) / 4 + np.float32(0.5)) for value in (x, y))
    radius = int(3 * sigma)
    for row in range(max(0, down - radius), min(16, down + radius + 1)):
        for column in range(max(0, across - radius), min(24, across + radius + 1)):
            squared = (row - down) ** 2 + (column - across) ** 2
            maps[row, column] = np.exp(-squared / (2 * sigma**2))
    return maps


@given(st.floats(-60, 160), st.floats(-60, 130), st.sampled_from([1.0, 2.0]))
def test_targets_cell_by_cell(x: float, y: float, sigma: float) -> None:
    found, weight = one(x, y, sigma=sigma)
    expected = by_cells(x, y, sigma)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    if expected.any():
        assert weight == 1


def test_joints_outside_do_not_count() -> None:
    assert one(96 + 4 * 3, 30.0)[1] == 0  # the Gaussian would begin at column 24
    assert one(96 + 4 * 2, 30.0)[1] == 1
    assert one(-4.0 * 6, 30.0)[1] == 0
    empty, weight = one(-4.0 * 5, 30.0)  # the Gaussian ends right before column 0
    assert (empty.max(), weight) == (0, 1)


def test_unlabelled_joints_have_empty_maps_whatever_their_place() -> None:
    setup = config(joint_weights=(2.0,) * 17)
    points = torch.full((1, 17, 2), 30.0)
    points[0, 3] = float("nan")
    labelled = torch.ones(1, 17)
    labelled[0, 3] = 0.0
    maps, weight = gaussian_targets(setup, points, labelled)
    assert torch.isfinite(maps).all()
    assert maps[0, 3].max() == 0
    assert weight[0, 3] == 0
    assert weight[0, 4] == 2


def spike(row: int, column: int, **neighbours: float) -> Tensor:
    maps = torch.zeros(1, 1, 8, 9)
    maps[0, 0, row, column] = 1.0
    steps = {"left": (0, -1), "right": (0, 1), "above": (-1, 0), "below": (1, 0)}
    for name, value in neighbours.items():
        maps[0, 0, row + steps[name][0], column + steps[name][1]] = value
    return maps


@pytest.mark.parametrize(
    ("row", "column", "neighbours", "expected"),
    [
        (4, 4, {"right": 0.5}, (17.0, 16.0)),
        (4, 4, {"left": 0.5, "above": 0.1}, (15.0, 15.0)),
        (4, 4, {}, (16.0, 16.0)),
        (1, 4, {"right": 0.5}, (16.0, 4.0)),  # row 1 takes no step
        (2, 4, {"right": 0.5}, (17.0, 8.0)),
        (4, 7, {"left": 0.5}, (27.0, 16.0)),
        (4, 8, {"left": 0.5}, (32.0, 16.0)),
        (7, 8, {"above": 0.5}, (32.0, 28.0)),
        (0, 0, {"right": 0.5}, (0.0, 0.0)),
    ],
)
def test_quarter_offset(
    row: int, column: int, neighbours: dict[str, float], expected: tuple[float, float]
) -> None:
    points, scores = decode_heatmaps(config(), spike(row, column, **neighbours), True)
    assert tuple(points[0, 0].tolist()) == expected
    assert float(scores) == 1.0
    plain, _ = decode_heatmaps(config(), spike(row, column, **neighbours), False)
    assert tuple(plain[0, 0].tolist()) == (4.0 * column, 4.0 * row)


def test_first_of_equal_maxima_and_maps_without_any() -> None:
    maps = torch.zeros(1, 3, 8, 9)
    maps[0, 0, 5, 2] = maps[0, 0, 3, 6] = 1.0
    maps[0, 2] = -1.0
    cells, scores = best_cells(maps)
    assert cells[0].tolist() == [[6, 3], [0, 0], [0, 0]]
    assert scores[0].tolist() == [1, 0, -1]
    assert quarter_steps(maps, cells)[0, 1:].abs().max() == 0


@given(st.integers(0, 10**6))
def test_decoding_joint_by_joint(seed: int) -> None:
    maps = torch.randn(2, 3, 8, 9, generator=torch.Generator().manual_seed(seed))
    points, _ = decode_heatmaps(config(), maps, True)
    array = maps.numpy()
    for sample, joint in np.ndindex(2, 3):
        grid = array[sample, joint]
        row, column = np.unravel_index(grid.argmax(), grid.shape)
        x, y = float(column), float(row)
        if 1 < column < 8 and 1 < row < 7:
            x += 0.25 * np.sign(grid[row, column + 1] - grid[row, column - 1])
            y += 0.25 * np.sign(grid[row + 1, column] - grid[row - 1, column])
        assert points[sample, joint].tolist() == [4 * x, 4 * y]


def test_loss_of_a_sample_does_not_depend_on_the_batch() -> None:
    generator = torch.Generator().manual_seed(0)
    maps, target = torch.randn(2, 4, 17, 8, 6, generator=generator)
    weight = torch.rand(4, 17, generator=generator)
    for hard in (0, 8):
        together = joints_mse(maps, target, weight, hard)
        torch.testing.assert_close(
            together[2:3], joints_mse(*(t[2:3] for t in (maps, target, weight)), hard)
        )
    coarse = joints_mse(maps.bfloat16(), target, weight)
    assert coarse.dtype == torch.float32
