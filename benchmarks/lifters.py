"""Training speed of GSAM and PoseFormer, beside the official loop and the GEMM rate."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gemm import PRECISIONS, gemm_cases
from benchmarks.harness import Case, Effort, Series, Table, Value, compare, ratios
from benchmarks.official import ChunkGenerator, OfficialPoseFormer, Trainer
from benchmarks.synthetic import clip_set
from gsam.clips import ClipSet
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.config import Precision, TrainConfig, WindowConfig
from gsam.training.lifting import LiftingTask
from gsam.training.loop import fit

__all__ = ["BATCH", "lifter", "official_like", "run", "window_flops"]

BATCH = {9: 64, 27: 32, 81: 16}
"""Windows per step for each number of frames, in the official loop and in ours."""

COMPILED = ", compiled"

GOALS: dict[Precision, float] = {"float32": 1.5, "onednn": 1.5, "bf16": 3.0}
TRAIN_PER_FORWARD = 3
CLIPS, CLIP_FRAMES = 16, 286


def lifter(name: str, frames: int, effort: Effort, head: str = "centre") -> LifterConfig:
    """The paper's size; regularised as the official recipe is, by stochastic depth alone."""
    config = LifterConfig(name=name, frames=frames, head=head, drop_path=0.1)
    return replace(config, width=8, depth=1, heads=2) if effort.quick else config


def official_like(config: LifterConfig) -> OfficialPoseFormer:
    """The official network with the weights that our PoseFormer starts from."""
    torch.manual_seed(0)
    ours = build_lifter(config)
    official = OfficialPoseFormer(config)
    official.load_state_dict(ours.state_dict(), strict=True)
    return official


def window_flops(config: LifterConfig) -> int:
    """Operations of one window's forward pass, multiply and add apart."""
    model = build_lifter(config).eval()
    window = torch.zeros(1, config.frames, config.joints, config.features)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(window)
    return int(counter.get_total_flops())


def our_training(
    config: LifterConfig, precision: Precision, clips: ClipSet, compiled: bool = False
) -> Case:
    """Epochs of the project's own loop; a unit of work is one optimiser step."""
    torch.manual_seed(0)
    model = build_lifter(config)
    batch = BATCH[config.frames]
    recipe = TrainConfig(
        epochs=1,
        batch_size=batch,
        optimizer="adamw",
        lr=1e-4,
        weight_decay=0.1,
        precision=precision,
        compile=compiled,
    )
    windows = WindowConfig(stride=1, jitter=False, validation_windows=0)

    def train(steps: int) -> float:
        wanted = replace(windows, epoch_windows=steps * batch)
        task = LiftingTask(clips, wanted, frames=config.frames, head="centre")
        return fit(model, task, recipe, seed=0).seen

    # A fit ends with a check on fixed windows, which real epochs of thousands of steps hardly feel.
    return Case(f"{config.name} {precision}{COMPILED if compiled else ''}", train, has_start=True)


def official_training(config: LifterConfig, clips: ClipSet) -> Case:
    """The official loop on the same clips."""
    parts = [clips.frames_of(clip) for clip in range(len(clips))]
    generator = ChunkGenerator(
        [clips.keypoints[part].numpy() for part in parts],
        [clips.targets[part].numpy() for part in parts],
        BATCH[config.frames],
        config.frames,
    )
    return Case("official", Trainer(official_like(config), generator).steps)


def run(effort: Effort) -> list[Table]:
    """Windows trained per second."""
    clips = clip_set(2, 40) if effort.quick else clip_set(CLIPS, CLIP_FRAMES)
    rows: list[dict[str, Value]] = []
    for frames in [9] if effort.quick else BATCH:
        configs = {name: lifter(name, frames, effort) for name in ("poseformer", "gsam")}
        ways: list[tuple[Precision, bool]] = [(p, False) for p in PRECISIONS] + [
            ("bf16", True)
        ] * effort.compiled
        trainings = [
            (our_training(c, p, clips, compiled), name, p)
            for name, c in configs.items()
            for p, compiled in ways
        ]
        cases = [official_training(configs["poseformer"], clips), *gemm_cases(effort)]
        cases += [case for case, _, _ in trainings]
        found = compare(cases, effort, f"training, {frames} frames")
        flops = {name: TRAIN_PER_FORWARD * window_flops(c) for name, c in configs.items()}
        rows.append(_row(found, frames, "official", "float32", flops["poseformer"]))
        for case, name, precision in trainings:
            row = _row(found, frames, case.name, precision, flops[name])
            row["goal"] = GOALS[precision] if name == "poseformer" else None
            rows.append(row)
    note = (
        "x official: this row's windows/s over the official PoseFormer loop's, measured in turns.\n"
        "GEMM: share of the rate of a large product in torch's default float32, and in the row's\n"
        "own format, counting training as three forward passes. Batches of 64, 32 and 16 windows\n"
        "for 9, 27 and 81 frames; stochastic depth 0.1, as in the official recipe."
    )
    return [Table("training", "Training", rows, note)]


def _row(
    found: dict[str, Series], frames: int, case: str, precision: Precision, flops: float
) -> dict[str, Value]:
    rate = found[case]
    work = Series(tuple(flops * value for value in rate.values))
    return {
        "frames": frames,
        "lifter": case.split()[0],
        "numbers": PRECISIONS[precision] + (COMPILED if case.endswith(COMPILED) else ""),
        "windows/s": rate,
        "x official": ratios(found, case, "official"),
        "goal": None,
        "% float32 GEMM": (work / found["gemm float32"]).scaled(100),
        "% own GEMM": (work / found[f"gemm {precision}"]).scaled(100),
    }
