"""Training steps and evaluation against the reference implementations' own numbers."""

from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.clips import ClipInfo, ClipSet
from gsam.evaluation import evaluate, lifting, summary
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.batches import Batch, batch_errors
from tests.oracles import recipe

POSEFORMER = LifterConfig(name="poseformer", frames=9)


def test_poseformer_trains_step_by_step_like_the_reference(oracles: Path) -> None:
    fixture, arrays = recipe.load(oracles / "pipelines" / "poseformer_train_steps")
    config = fixture["config"]
    model = build_lifter(POSEFORMER)
    recipe.fill(model, fixture["seed"])
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=config["lr"], weight_decay=config["weight_decay"]
    )
    target = torch.from_numpy(arrays["y"])
    batch = Batch(torch.from_numpy(arrays["x"]), target, torch.ones(target.shape[:2]))
    losses = []
    for _ in range(config["steps"]):
        loss = batch_errors(model(batch.keypoints), batch)[0] / len(target)
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert losses == pytest.approx(fixture["results"]["float32"]["loss_per_step"], rel=1e-4)


def test_poseformer_is_evaluated_like_the_reference(oracles: Path) -> None:
    """Stride 1, repeated edges, flip test, the root counted as predicted, mean over frames."""
    fixture, arrays = recipe.load(oracles / "pipelines" / "poseformer_evaluate")
    model = build_lifter(POSEFORMER)
    recipe.fill(model, fixture["seed"])
    clips = clip_set([(arrays[f"seq{i}/x2d"], arrays[f"seq{i}/gt3d"]) for i in range(2)])
    for flip_test, name in ((True, "pred"), (False, "pred_noflip")):
        lift = lifting(model, flip_test=flip_test)
        for i in range(2):
            predicted = lift(torch.from_numpy(arrays[f"seq{i}/x2d"]))
            np.testing.assert_allclose(predicted.numpy(), arrays[f"seq{i}/{name}"], atol=2e-5)
    found = summary(evaluate(lifting(model, flip_test=True), clips))["frame_mean"]
    names = {"mpjpe": "mpjpe_mm", "p_mpjpe": "pa_mpjpe_mm", "n_mpjpe": "n_mpjpe_mm"}
    for theirs, ours in {**names, "mpjve": "mpjve_mm"}.items():
        assert found[ours] == pytest.approx(fixture["results_mm"][theirs], abs=0.01)


def clip_set(sequences: list[tuple[np.ndarray, np.ndarray]]) -> ClipSet:
    """Clips from pairs of keypoints and targets, whose roots become zero as in the reference."""
    lengths = [len(points) for points, _ in sequences]
    targets = np.concatenate([poses for _, poses in sequences])
    targets[:, 0] = 0
    info = tuple(
        ClipInfo(f"S9/{i}", "oracle", "S9", "a", str(i), "0", "test", 50.0, n, 1000, 1000)
        for i, n in enumerate(lengths)
    )
    return ClipSet(
        torch.from_numpy(np.concatenate([points for points, _ in sequences])),
        torch.from_numpy(targets),
        torch.ones(sum(lengths), dtype=torch.bool),
        torch.from_numpy(np.cumsum([0, *lengths])),
        info,
    )
