"""train_lifter, evaluate_lifter and baselines as commands: files, one line each, exit codes."""

import csv
import json
from pathlib import Path

import pytest

from gsam.storage import digest
from tests.workspaces import RUN, make_workspace, run_stage, with_training, write_run

OUTS = (
    "models/lifter/tiny/seed0.safetensors",
    "models/lifter/tiny/run.json",
    "results/runs/tiny/curve.csv",
    "results/runs/tiny/train.json",
)


def outs(folder: Path) -> dict[str, str]:
    return {name: digest(folder / name) for name in OUTS}


def read(path: Path) -> dict:
    return json.loads(path.read_text())


def test_a_run_is_trained_scored_and_compared(tmp_path) -> None:
    folder = make_workspace(tmp_path, {**RUN, "seeds": [0, 1]})
    for stage, argument in (
        ("baselines", "archived"),
        ("train_lifter", "tiny"),
        ("evaluate_lifter", "tiny"),
    ):
        done = run_stage(folder, stage, argument)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == 1
        assert done.stdout.startswith(f"{stage}@{argument}  ")
    rows = list(csv.DictReader((folder / OUTS[2]).open()))
    assert [(row["seed"], row["epoch"]) for row in rows] == [(s, e) for s in "01" for e in "1234"]
    assert not (folder / ".gsam" / "runs").exists() or not any((folder / ".gsam/runs").iterdir())

    scores = read(folder / "results/runs/tiny/scores.json")
    assert set(scores["seeds"]) == {"0", "1"} and scores["status"] == "ok"
    assert scores["parameters"]["full"] > scores["parameters"]["trained"] > 0
    assert scores["protocol"]["flip_test"] is True
    for seed, record in scores["seeds"].items():
        weights = folder / f"models/lifter/tiny/seed{seed}.safetensors"
        assert record["weights_hash"] == digest(weights)
        assert set(record["per_action"]) == {"Walking", "Eating"}
    metrics = read(folder / "results/runs/tiny/metrics.json")
    assert len(metrics) <= 10 and metrics["status"] == "ok"
    mean = sum(seed["action_mean"]["mpjpe_mm"] for seed in scores["seeds"].values()) / 2
    assert metrics["mpjpe_mm"] == pytest.approx(mean, abs=1e-3)
    baselines = read(folder / "results/baselines/gt/scores.json")
    assert metrics["ridge_mpjpe_mm"] == baselines["ridge"]["action_mean"]["mpjpe_mm"]
    assert baselines["data_hash"] == scores["data_hash"]


def test_the_same_run_gives_the_same_files(tmp_path) -> None:
    folders = [make_workspace(tmp_path / name) for name in "ab"]
    for folder in folders:
        assert run_stage(folder, "train_lifter", "tiny").returncode == 0
    assert outs(folders[0]) == outs(folders[1])


def test_a_diverging_run_is_a_result(tmp_path) -> None:
    folder = make_workspace(tmp_path, with_training(optimizer="sgd", lr=1e6))
    assert run_stage(folder, "baselines", "archived").returncode == 0
    trained = run_stage(folder, "train_lifter", "tiny")
    assert trained.returncode == 0 and "diverged at epoch" in trained.stdout
    scored = run_stage(folder, "evaluate_lifter", "tiny")
    assert scored.returncode == 0, scored.stderr
    metrics = read(folder / "results/runs/tiny/metrics.json")
    epoch = read(folder / OUTS[3])["seeds"]["0"]["diverged_epoch"]
    assert metrics["status"] == f"diverged at epoch {epoch}"
    assert metrics["beats_baselines"] is False


def test_data_that_is_not_finite_is_an_error_not_a_divergence(tmp_path) -> None:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder = make_workspace(tmp_path)
    path = folder / "data/clips/gt/S1__Walking_1.parquet"
    table = pq.read_table(path)
    values = np.array(table["keypoints"].to_pylist(), np.float32)
    values[1, 34 * 7] = np.nan
    index = table.schema.get_field_index("keypoints")
    column = pa.array(values.tolist(), table.schema.field(index).type)
    pq.write_table(table.set_column(index, table.schema.field(index), column), path)
    done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 1 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert (
        "S1__Walking_1.parquet: S1/Walking 1, camera 55011271: keypoints of frame 7" in done.stderr
    )
    assert not (folder / "models").exists() and not (folder / "results").exists()


def test_missing_detections_end_main_with_their_own_exit_code(tmp_path) -> None:
    folder = make_workspace(tmp_path, {**RUN, "name": "main", "keypoints": "imported"})
    done = run_stage(folder, "train_lifter", "main")
    assert done.returncode == 3 and "no imported file in data/raw" in done.stderr
    assert run_stage(folder, "baselines", "archived").returncode == 0
    assert read(folder / "results/baselines/imported/scores.json")["status"] == "missing"


def test_a_row_without_its_detections_is_left_out_and_says_why(tmp_path) -> None:
    folder = make_workspace(tmp_path, {**RUN, "keypoints": "imported"})
    for stage in ("train_lifter", "evaluate_lifter"):
        done = run_stage(folder, stage, "tiny")
        assert done.returncode == 0, done.stderr
        assert "left out: no imported file in data/raw" in done.stdout
    scores = read(folder / "results/runs/tiny/scores.json")
    assert (scores["status"], scores["reason"]) == ("missing", "no imported file in data/raw")
    assert (folder / OUTS[2]).read_text() == "seed,epoch,lr,train_loss_mm,val_mpjpe_mm\n"


def test_a_wrong_recipe_or_name_is_a_usage_error(tmp_path) -> None:
    folder = make_workspace(tmp_path, with_training(lr=-1.0))
    assert run_stage(folder, "train_lifter", "tiny").returncode == 2
    assert run_stage(folder, "train_lifter", "tinny").returncode == 2
    assert run_stage(folder, "train_lifter").returncode == 2
    write_run(folder, RUN)
    assert run_stage(folder, "train_lifter", "tiny").returncode == 0
