"""The benchmarks' machinery on tiny sizes; what they call official computes what ours does."""

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from benchmarks import __main__ as command
from benchmarks import (
    detect,
    detectors,
    gemm,
    lifters,
    part_attention,
    preprocess,
    scoring,
    windows,
)
from benchmarks.harness import QUICK, Case, Effort, Series, Table, compare, ratios
from benchmarks.lifters import lifter, official_like, window_flops
from benchmarks.official import ChunkGenerator, OfficialPoseFormer, Trainer, score_clip
from benchmarks.synthetic import clip_set
from gsam.lifters import LifterConfig, build_lifter, lift_clip
from gsam.lifters.lifter import Lifter
from gsam.meshes.part_attention import PartAttention
from gsam.skeletons import H36M_17, mirror
from gsam.training.batches import Gather, batch_errors
from gsam.training.order import Order
from gsam.windows import ReferenceShuffle, training_chunks
from tests.oracles import recipe

CONFIG = LifterConfig(name="poseformer", frames=9, width=8, depth=2, heads=2)


def filled() -> tuple[OfficialPoseFormer, Lifter]:
    """The official network and ours with the same weights, none of them at its initial value."""
    ours = build_lifter(CONFIG).eval()
    recipe.fill(ours, seed=3)
    official = OfficialPoseFormer(CONFIG).eval()
    official.load_state_dict(ours.state_dict(), strict=True)
    return official, ours


def test_official_network_is_the_reference(oracles: Path) -> None:
    spec = json.loads((oracles / "models" / "poseformer_f9.json").read_text())
    model = OfficialPoseFormer(LifterConfig(name="poseformer", frames=9)).eval()
    recipe.fill(model, spec["seed"])
    keypoints = recipe.model_input("x", spec["inputs"]["x"], spec["seed"])
    with np.load(oracles / "models" / "poseformer_f9.npz") as arrays, torch.no_grad():
        expected = torch.from_numpy(arrays["out/pred"]).reshape(3, 1, 17, 3)
        tolerance = spec["outputs"]["pred"]["suggested_atol"]
        torch.testing.assert_close(model(keypoints), expected, rtol=0, atol=tolerance)


def test_official_scoring_gives_our_answer() -> None:
    official, ours = filled()
    keypoints = clip_set(1, 23).keypoints
    expected = lift_clip(ours, keypoints)
    torch.testing.assert_close(score_clip(official, keypoints.numpy()), expected, rtol=0, atol=2e-5)
    assert expected.std() > 0.1


def test_official_batches_are_the_reference_chunks() -> None:
    clips = clip_set(2, 11)
    parts = [clips.frames_of(clip) for clip in range(2)]
    keypoints = [clips.keypoints[part].numpy() for part in parts]
    targets = [clips.targets[part].numpy() for part in parts]
    chunks = training_chunks([11, 11], 1, augment=True)
    order = ReferenceShuffle().epoch(len(chunks.start))
    batches = [
        (poses.copy(), cut.copy())
        for poses, cut in ChunkGenerator(keypoints, targets, 8, 9).epoch()
    ]
    assert [len(poses) for poses, _ in batches] == [8, 8, 8, 8, 8, 4]
    found_poses, found_windows = (np.concatenate(part) for part in zip(*batches, strict=True))
    for slot, item in enumerate(order):
        sequence = chunks.sequence[item]
        window = keypoints[sequence][chunks.input_frames(item, pad=4)]
        pose = targets[sequence][chunks.output_frames(item)]
        if chunks.mirrored[item]:
            window, pose = mirror(window, H36M_17), mirror(pose, H36M_17)
        np.testing.assert_array_equal(found_windows[slot], window)
        np.testing.assert_array_equal(found_poses[slot], pose)


def test_official_step_has_our_loss() -> None:
    official, ours = filled()
    clips = clip_set(1, 20)
    generator = ChunkGenerator([clips.keypoints.numpy()], [clips.targets.numpy()], 40, 9)
    trainer = Trainer(official, generator)
    before = official.Spatial_pos_embed.detach().clone()
    assert trainer.steps(1) == 40
    starts = torch.arange(20).repeat(2) - 4
    flags = torch.arange(40) >= 20
    order = Order(starts, torch.zeros(40, dtype=torch.int64), torch.full((40,), 19), flags)
    batch = Gather(clips, 9, "centre")(order)
    position, _ = batch_errors(ours(batch.keypoints), batch)
    assert trainer.last_loss == pytest.approx(position.item() / 40, rel=1e-5)
    assert not torch.equal(before, official.Spatial_pos_embed)


def test_benchmarked_networks_start_alike() -> None:
    config = lifter("poseformer", 9, QUICK)
    official = official_like(config)
    torch.manual_seed(0)
    ours = build_lifter(config)
    found: dict[str, torch.Tensor] = official.state_dict()
    for name, value in ours.state_dict().items():
        assert torch.equal(value, found[name]), name


def test_flops_are_those_of_the_linear_layers_and_attention() -> None:
    config = LifterConfig(name="poseformer", frames=9, width=8, depth=1, heads=2)
    joints, width, token = 17, 8, 17 * 8

    def block(length: int, channels: int) -> int:
        return 2 * length * channels * channels * (3 + 1 + 2 * 2) + 4 * length * length * channels

    embedding = 2 * 9 * joints * 2 * width
    out = 2 * 9 * token + 2 * token * 3 * joints
    expected = embedding + 9 * block(joints, width) + block(9, token) + out
    assert window_flops(config) == expected


def test_cases_take_turns_and_ratios_are_paired() -> None:
    calls: list[str] = []

    def case(name: str) -> Case:
        def run(units: int) -> float:
            calls.append(name)
            return units

        return Case(name, run)

    found = compare([case("a"), case("b")], Effort(rounds=3, seconds=1e-9), "turns")
    assert calls[-6:] == ["a", "b"] * 3
    assert len(found["a"].values) == 3
    a, b = Series((2.0, 8.0, 3.0)), Series((1.0, 2.0, 3.0))
    assert ratios({"a": a, "b": b}, "a", "b").values == (2.0, 4.0, 1.0)
    assert (a.median, a.text(1)) == (3.0, "3.0 (2.0-8.0)")


def test_table_is_aligned_and_json_has_the_spread() -> None:
    table = Table("t", "Title", [{"what": "x", "rate": Series((1.0, 3.0, 2.0))}, {"what": "yy"}])
    lines = table.text().splitlines()
    assert lines[0] == "Title"
    assert lines[2].endswith("2.00 (1.00-3.00)")
    assert len(lines[1]) == len(lines[2])
    rows = table.as_dict()["rows"]
    assert rows == [{"what": "x", "rate": {"median": 2.0, "min": 1.0, "max": 3.0}}, {"what": "yy"}]


@pytest.mark.parametrize(
    "module", [detect, detectors, gemm, lifters, part_attention, scoring, windows]
)
def test_benchmark_runs_at_its_smallest(module: ModuleType) -> None:
    tables = module.run(QUICK)
    assert tables and all(table.rows and table.text() for table in tables)


def test_numbers_of_threads_and_json_come_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    path, threads = tmp_path / "found.json", torch.get_num_threads()
    arguments = ["benchmarks", "gemm", "--quick", "--threads", "1", "--json", str(path)]
    monkeypatch.setattr(sys, "argv", arguments)
    try:
        command.main()
    finally:
        torch.set_num_threads(threads)
    found = json.loads(path.read_text())
    assert found["machine"]["threads"] == 1
    assert [table["name"] for table in found["tables"]] == ["gemm"]
    assert "threads 1" in capsys.readouterr().out


def test_unknown_benchmark_is_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmarks", "gem"])
    with pytest.raises(SystemExit) as stopped:
        command.main()
    assert stopped.value.code == 2


def test_memory_of_children_counts() -> None:
    hold = "import time; block = bytearray({0} << 20); time.sleep(0.6); print('done')"
    child = hold.format(100)
    parent = (
        f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    small = preprocess.watch([sys.executable, "-c", hold.format(1)])
    large = preprocess.watch([sys.executable, "-c", parent])
    assert large.output.strip() == "done"
    assert 90e6 < large.peak - small.peak < 300e6


@pytest.mark.parametrize("heads", [1, 3])
def test_attention_written_out_gives_our_answer(heads: int) -> None:
    ours = PartAttention(24, 5, heads)
    torch.nn.init.normal_(ours.mix)
    plain = part_attention.WrittenOut(24, 5, heads)
    plain.load_state_dict(ours.state_dict(), strict=True)
    maps = torch.randn(2, 24, 6, 7)
    torch.testing.assert_close(plain(maps), ours(maps), rtol=1e-4, atol=1e-5)


def test_failing_process_is_not_measured() -> None:
    with pytest.raises(subprocess.CalledProcessError):
        preprocess.watch([sys.executable, "-c", "raise SystemExit(3)"])
