"""Weights and inputs of the parity fixtures, derived from names and seeds as RECIPE.md says."""

import json
import math
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def generator(key: str, seed: int) -> np.random.Generator:
    """The random stream of one name."""
    return np.random.default_rng([zlib.crc32(key.encode("utf-8")), seed])


def gain_for(key: str, gain: float, overrides: Mapping[str, float]) -> float:
    """The fixture's gain, times the factor of the longest matching prefix."""
    matching = [prefix for prefix in overrides if key.startswith(prefix)]
    return gain * (overrides[max(matching, key=len)] if matching else 1.0)


def values(key: str, shape: Sequence[int], seed: int, gain: float) -> NDArray[np.float32]:
    """One tensor of a state dict."""
    normal = generator(key, seed).standard_normal(tuple(shape))
    return _scaled(normal, key.rsplit(".", 1)[-1], gain).astype(np.float32)


def _scaled(normal: NDArray[np.float64], last: str, gain: float) -> NDArray[np.float64]:
    if last == "running_var":
        return 1 + 0.1 * np.abs(normal)
    if last == "running_mean":
        return 0.1 * normal
    if "embed" in last:
        return 0.2 * normal
    if normal.ndim >= 2:
        shape = normal.shape
        fan = shape[2] * shape[5] if normal.ndim == 6 else math.prod(shape[1:])
        return normal * gain / math.sqrt(fan)
    return 1 + 0.1 * normal if last in ("weight", "a_2") else 0.1 * normal


def fill(
    module: nn.Module,
    seed: int,
    gain: float = 1.0,
    overrides: Mapping[str, float] | None = None,
    not_filled: Sequence[str] = (),
) -> dict[str, float]:
    """Give the float tensors of the state dict their recipe values; returns the check sums."""
    state, filled = module.state_dict(), []
    for key, tensor in state.items():
        if tensor.ndim == 0 or not tensor.is_floating_point() or key in not_filled:
            continue
        array = values(key, tensor.shape, seed, gain_for(key, gain, overrides or {}))
        filled.append(array)
        state[key] = torch.from_numpy(array).to(tensor.dtype)
    module.load_state_dict(state, strict=True)
    return {
        "values_filled": sum(array.size for array in filled),
        "sum": float(sum(array.sum(dtype=np.float64) for array in filled)),
        "abssum": float(sum(np.abs(array).sum(dtype=np.float64) for array in filled)),
    }


def model_input(name: str, spec: Mapping[str, Any], seed: int) -> Tensor:
    """An input that the fixture describes as `input:NAME`, or as an image of blocks plus noise."""
    shape = tuple(spec["shape"])
    if spec["recipe"] == f"input:{name}":
        normal = generator(f"input:{name}", seed).standard_normal(shape)
        return torch.from_numpy((normal * spec["scale"] + spec["offset"]).astype(np.float32))
    return image_blocks_plus_noise(shape, seed)


def image_blocks_plus_noise(shape: Sequence[int], seed: int) -> Tensor:
    """Coarse random blocks of 32 pixels plus noise, (B, 3, H, W)."""
    batch, channels, height, width = shape
    coarse = generator("input:image_blocks", seed).standard_normal(
        (batch, channels, height // 32, width // 32)
    )
    low = (coarse * 2.0).astype(np.float32).repeat(32, axis=2).repeat(32, axis=3)
    noise = generator("input:image_noise", seed).standard_normal(tuple(shape)) * 0.5
    return torch.from_numpy(low + noise.astype(np.float32))


def load(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """A fixture's description and arrays, `path` without a suffix."""
    description = json.loads(path.with_suffix(".json").read_text())
    with np.load(path.with_suffix(".npz")) as archive:
        return description, dict(archive)


def prepare(module: nn.Module, fixture: Mapping[str, Any]) -> nn.Module:
    """The module in eval mode with the fixture's weights, keys and check sums compared."""
    expected = {key: (tuple(shape), dtype) for key, shape, dtype in fixture["state_dict"]}
    found = {
        key: (tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))
        for key, tensor in module.state_dict().items()
    }
    assert found == expected
    assert sum(p.numel() for p in module.parameters()) == fixture["parameter_count"]
    stated = fixture["fill"]
    sums = fill(
        module, fixture["seed"], fixture["gain"], fixture["gain_overrides"], stated["not_filled"]
    )
    assert sums["values_filled"] == stated["values_filled"]
    for key in ("sum", "abssum"):
        assert math.isclose(sums[key], stated[key], rel_tol=1e-9, abs_tol=1e-6)
    return module.eval()


def assert_output(
    name: str,
    actual: Tensor,
    fixture: Mapping[str, Any],
    arrays: Mapping[str, NDArray[Any]],
) -> None:
    """Compare one output with the stored one of the same precision, at the fixture's tolerance."""
    spec = fixture["outputs"][name]
    assert list(actual.shape) == spec["shape"]
    stored = arrays[f"{'out64' if actual.dtype == torch.float64 else 'out'}/{name}"]
    sampled = actual.detach().double().numpy().ravel()[:: spec["subsample_step"]]
    np.testing.assert_allclose(
        sampled, stored.astype(np.float64), rtol=0, atol=spec["suggested_atol"]
    )
