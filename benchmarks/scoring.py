"""Speed of a pose for every frame of a clip, beside the official way and the GEMM rate."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gemm import PRECISIONS, gemm_cases
from benchmarks.harness import Case, Effort, Series, Table, Value, compare, ratios
from benchmarks.lifters import BATCH, lifter, official_like, window_flops
from benchmarks.official import OfficialPoseFormer, score_clip
from benchmarks.synthetic import clip_set
from gsam.evaluation import lifting
from gsam.lifters import build_lifter, lift_clip
from gsam.lifters.lifter import Lifter
from gsam.training.config import Precision
from gsam.training.precision import numerics

__all__ = ["run"]

HEADS = {"centre": 3.0, "sequence": 45.0}
"""Heads and how many times as fast as the official way PoseFormer with each is to be."""

FORMATS: tuple[Precision, ...] = ("float32", "onednn")
"""bf16 is left out: it moves the answers of a model trained in float32 by millimetres."""

CLIP_FRAMES = 286


def our_scoring(name: str, model: Lifter, keypoints: torch.Tensor, precision: Precision) -> Case:
    """Score the clip as evaluation does; a unit of work is the whole clip."""
    lift = lifting(model, flip_test=False)

    def score(times: int) -> float:
        with numerics(precision):
            for _ in range(times):
                lift(keypoints)
        return times * len(keypoints)

    return Case(name, score)


def clip_flops(model: Lifter, keypoints: torch.Tensor) -> float:
    """Operations per frame that scoring the clip really does, multiply and add apart."""
    with FlopCounterMode(display=False) as counter:
        lift_clip(model, keypoints)
    return counter.get_total_flops() / len(keypoints)


def run(effort: Effort) -> list[Table]:
    """Frames scored per second."""
    keypoints = clip_set(1, 30 if effort.quick else CLIP_FRAMES).keypoints
    rows: list[dict[str, Value]] = []
    for frames in [9] if effort.quick else BATCH:
        rows.extend(_rows(frames, keypoints, effort))
    note = (
        "x official: this row's frames/s over the official way's (one window per frame, the clip\n"
        "as one batch), measured in turns. GEMM: share of the rate of a large product in torch's\n"
        "default float32, and in the row's own format, by the operations that the row does.\n"
        f"A clip of {len(keypoints)} frames, no flip test. A sequence head answers for windows\n"
        "side by side: it saves at most as many times as a window has frames."
    )
    return [Table("scoring", "Scoring every frame", rows, note)]


def _rows(frames: int, keypoints: torch.Tensor, effort: Effort) -> list[dict[str, Value]]:
    official = official_like(lifter("poseformer", frames, effort))
    cases = [Case("official", _official(official, keypoints)), *gemm_cases(effort)]
    shown: list[tuple[str, str, str, Precision]] = []
    flops = {}
    for name in ("poseformer", "gsam"):
        for head in HEADS:
            model = build_lifter(lifter(name, frames, effort, head)).eval()
            flops[name, head] = clip_flops(model, keypoints)
            for precision in FORMATS:
                case = f"{name} {head} {precision}"
                cases.append(our_scoring(case, model, keypoints, precision))
                shown.append((case, name, head, precision))
    found = compare(cases, effort, f"scoring, {frames} frames")
    whole = window_flops(lifter("poseformer", frames, effort))
    rows = [_row(found, frames, "official", "official", "centre", "float32", whole)]
    for case, name, head, precision in shown:
        row = _row(found, frames, case, name, head, precision, flops[name, head])
        row["goal"] = HEADS[head] if name == "poseformer" else None
        rows.append(row)
    return rows


def _official(model: OfficialPoseFormer, keypoints: torch.Tensor) -> Callable[[int], float]:
    clip = keypoints.numpy()

    def score(times: int) -> float:
        for _ in range(times):
            score_clip(model, clip)
        return times * len(clip)

    return score


def _row(
    found: dict[str, Series],
    frames: int,
    case: str,
    name: str,
    head: str,
    precision: Precision,
    flops: float,
) -> dict[str, Value]:
    rate = found[case]
    work = rate.scaled(flops)
    return {
        "frames": frames,
        "lifter": name,
        "head": head,
        "numbers": PRECISIONS[precision],
        "frames/s": rate,
        "x official": ratios(found, case, "official"),
        "goal": None,
        "% float32 GEMM": (work / found["gemm float32"]).scaled(100),
        "% own GEMM": (work / found[f"gemm {precision}"]).scaled(100),
    }
