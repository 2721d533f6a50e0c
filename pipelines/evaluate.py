"""Scoring a run's lifters: in this process, or on Ray Data actors that load the model once each."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from gsam.clips import ClipSet
from gsam.errors import DataError
from gsam.evaluation import Lift, evaluate, lifting, score_one
from gsam.lifters.config import FEATURES_WITH_SCORE
from gsam.metrics.aggregate import ClipScore
from gsam.progress import progress
from gsam.training.precision import numerics
from gsam.weights import load_lifter
from pipelines.node_files import Shipped
from pipelines.runtime import held_stderr, logical_cpus, quiet_ray

__all__ = ["score_clips"]

BLOCKS_PER_ACTOR = 8
"""Small enough shares that no actor is left with much more than the others."""


def score_clips(
    weights: Path,
    folder: Path,
    clips: ClipSet,
    *,
    flip_test: bool,
    workers: int,
    order: Sequence[int] | None = None,
) -> list[ClipScore]:
    """Scores of every test clip (or of those in `order`), in their order, whoever computed them.

    Args:
        weights: a trained lifter.
        folder: the clips' folder, which Ray actors read again.
        clips: its test clips.
        workers: 0 for this process, else the number of actors.
    """
    wanted = list(range(len(clips)) if order is None else order)
    if workers == 0:
        model, _ = load_lifter(weights, clips.device)
        with _products(clips.device):
            shown = progress(wanted, "score clips", len(wanted))
            return evaluate(lifting(model, flip_test=flip_test), clips, shown)
    return _score_on_ray(weights, folder, wanted, flip_test, workers)


def _products(device: torch.device) -> AbstractContextManager[None]:
    """How lifters multiply while they are scored: by oneDNN on a CPU where it keeps float32.

    Its answers are then 1.7e-6 of the largest from float64's (MKL's: 7e-7), and come sooner. With
    AMX, and on ARM, the same switch may round to bfloat16, which scores must not depend on.
    """
    able = torch.cpu.get_capabilities()
    exact = able.get("avx512_f", False) and not able.get("amx_bf16", False)
    if device.type != "cpu" or not exact:
        return nullcontext()
    return numerics("onednn", deterministic=False)


class _Scorer:
    """One actor: the model and the clips, loaded once."""

    def __init__(self, files: Shipped, weights: Path, folder: Path, flip_test: bool) -> None:
        self.files, self.weights, self.folder = files, weights, folder
        self.flip_test = flip_test

    @cached_property
    def opened(self) -> tuple[Lift, ClipSet]:
        """By the first clip, which tells what is wrong."""
        device = "cuda" if torch.cuda.is_available() else "cpu"
        model, _ = load_lifter(self.files.path(self.weights), device)
        clips = ClipSet.load(
            self.files.path(self.folder),
            "test",
            device,
            hashed=False,
            scores=model.features == FEATURES_WITH_SCORE,
        )
        return lifting(model, flip_test=self.flip_test), clips

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """The score of one clip as JSON; a user's error travels as data, not in Ray's traceback."""
        clip = int(row["clip"])
        try:
            lift, clips = self.opened
            with _products(clips.device):
                score = json.dumps(asdict(score_one(lift, clips, clip)))
        except DataError as error:
            return {"clip": clip, "score": "", "error": str(error)}
        return {"clip": clip, "score": score, "error": ""}


def _score_on_ray(
    weights: Path, folder: Path, wanted: Sequence[int], flip_test: bool, workers: int
) -> list[ClipScore]:
    with quiet_ray(logical_cpus(workers)), held_stderr():
        import ray

        scorer: Any = _Scorer
        weights, folder = weights.resolve(), folder.resolve()
        files = Shipped.of(weights, folder)
        blocks = min(len(wanted), BLOCKS_PER_ACTOR * workers)
        rows = (
            ray.data.from_items([{"clip": i} for i in wanted], override_num_blocks=blocks)
            .map(
                scorer,
                fn_constructor_args=(files, weights, folder, flip_test),
                # On a small cluster as many of them start as there is room for.
                concurrency=workers,
                num_gpus=1 if ray.cluster_resources().get("GPU", 0) else 0,
            )
            .take_all()
        )
    errors = sorted(row["error"] for row in rows if row["error"])
    if errors:
        raise DataError(errors[0])
    rows.sort(key=lambda row: row["clip"])
    return [ClipScore(**json.loads(row["score"])) for row in rows]
