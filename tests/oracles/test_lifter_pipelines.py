"""Training steps and the evaluation loop against those of the reference implementations."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gsam.lifters import LifterConfig, build_lifter, lift_clip, lift_clip_flipped
from gsam.lifters.videopose3d import VideoPose3D
from tests.oracles import recipe

DTYPES = [torch.float32, torch.float64]
LOSS_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-6}
# Adam divides by gradients near zero: the reference's own float32 and float64 are 3.5e-4 apart.
PREDICTION_TOLERANCE = {torch.float32: 1e-3, torch.float64: 2e-6}


def mean_error(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean Euclidean distance over everything."""
    return (predicted - target).norm(dim=-1).mean()


def poseformer(frames: int) -> nn.Module:
    return build_lifter(LifterConfig(name="poseformer", frames=frames))


def gradient_norms(module: nn.Module) -> dict[str, float]:
    return {
        name: float(parameter.grad.double().norm())
        for name, parameter in module.named_parameters()
        if parameter.grad is not None
    }


def assert_gradients(found: dict[str, float], expected: dict[str, float], rel: float) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        # The gradient of a bias that the next norm removes is nothing but rounding.
        assert math.isclose(found[name], value, rel_tol=rel, abs_tol=1e-6), name


def samples(arrays: dict[str, NDArray[Any]], dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    return torch.from_numpy(arrays["x"]).to(dtype), torch.from_numpy(arrays["y"]).to(dtype)


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
def test_poseformer_training_steps(oracles: Path, dtype: torch.dtype) -> None:
    """Four AdamW steps: losses, first gradients, predictions afterwards."""
    fixture, arrays = recipe.load(oracles / "pipelines" / "poseformer_train_steps")
    config, name = fixture["config"], str(dtype).removeprefix("torch.")
    results = fixture["results"][name]
    module = poseformer(config["num_frame"])
    recipe.fill(module, fixture["seed"])
    module.to(dtype).train()
    x, y = samples(arrays, dtype)
    optimiser = torch.optim.AdamW(
        module.parameters(),
        lr=config["lr"],
        weight_decay=config["weight_decay"],
        betas=tuple(config["betas"]),
        eps=config["eps"],
    )
    losses = []
    for step in range(config["steps"]):
        optimiser.zero_grad()
        loss = mean_error(module(x), y)
        loss.backward()
        if step == 0:
            assert_gradients(
                gradient_norms(module), results["grad_norm_step0"], 10 * LOSS_TOLERANCE[dtype]
            )
        optimiser.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, results["loss_per_step"], rtol=LOSS_TOLERANCE[dtype])
    with torch.inference_mode():
        after = module.eval()(x).double().numpy()
    np.testing.assert_allclose(
        after, arrays[f"pred_after_{name}"], rtol=0, atol=PREDICTION_TOLERANCE[dtype]
    )


@pytest.mark.parametrize("dtype", DTYPES, ids=["float32", "float64"])
def test_videopose3d_training_steps(oracles: Path, dtype: torch.dtype) -> None:
    """Four Adam (amsgrad) steps with batch statistics: losses, gradients, running statistics."""
    fixture, arrays = recipe.load(oracles / "pipelines" / "videopose3d_train_steps")
    config, name = fixture["config"], str(dtype).removeprefix("torch.")
    results = fixture["results"][name]
    module = VideoPose3D(
        filter_widths=config["filter_widths"],
        channels=config["channels"],
        dropout=config["dropout"],
    )
    recipe.fill(module, fixture["seed"])
    module.to(dtype).train()
    x, y = samples(arrays, dtype)
    optimiser = torch.optim.Adam(module.parameters(), lr=1e-3, amsgrad=True)
    losses = []
    for step in range(4):
        module.set_momentum(0.1 if step < 2 else 0.01)
        optimiser.zero_grad()
        predicted = module(x)
        loss = mean_error(predicted, y)
        loss.backward()
        if step == 0:
            np.testing.assert_allclose(
                predicted.detach().double().numpy(),
                arrays[f"train_mode_first_output_{name}"],
                rtol=0,
                atol=1e-5,
            )
            assert_running_statistics(module, results["running_stats_after_first_forward_first8"])
            assert_gradients(
                gradient_norms(module), results["grad_norm_step0"], 10 * LOSS_TOLERANCE[dtype]
            )
        optimiser.step()
        losses.append(loss.item())
    np.testing.assert_allclose(losses, results["loss_per_step"], rtol=LOSS_TOLERANCE[dtype])
    with torch.inference_mode():
        after = module.eval()(x).double().numpy()
    np.testing.assert_allclose(
        after, arrays[f"eval_after_4_steps_{name}"], rtol=0, atol=PREDICTION_TOLERANCE[dtype]
    )


def assert_running_statistics(module: nn.Module, expected: dict[str, list[float]]) -> None:
    state = module.state_dict()
    assert expected
    for key, first in expected.items():
        found = state[key][: len(first)].double().numpy()
        np.testing.assert_allclose(found, first, rtol=1e-4, atol=1e-6)


def test_poseformer_evaluation(oracles: Path) -> None:
    """Every frame of two clips, one shorter than the window, with and without the flip test."""
    fixture, arrays = recipe.load(oracles / "pipelines" / "poseformer_evaluate")
    module = poseformer(fixture["receptive_field"]).eval()
    recipe.fill(module, fixture["seed"])
    errors, frames = [], []
    for clip in ("seq0", "seq1"):
        keypoints = torch.from_numpy(arrays[f"{clip}/x2d"])
        plain = lift_clip(module, keypoints, batch_size=4)
        flipped = lift_clip_flipped(module, keypoints, batch_size=4)
        for found, key in ((plain, "pred_noflip"), (flipped, "pred")):
            np.testing.assert_allclose(found.numpy(), arrays[f"{clip}/{key}"], rtol=0, atol=2e-5)
        target = torch.from_numpy(arrays[f"{clip}/gt3d"]).clone()
        target[:, 0] = 0
        errors.append(float(mean_error(flipped, target)) * 1000)
        frames.append(len(keypoints))
    mean = float(np.average(errors, weights=frames))
    assert mean == pytest.approx(fixture["results_mm"]["mpjpe"], abs=0.01)
