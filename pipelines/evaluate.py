"""Scoring one run's lifters: in this process, or on a pool of Ray Data actors that each load the model once."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gsam.clips import ClipSet
from gsam.evaluation import evaluate, lifting, score_one
from gsam.metrics.aggregate import ClipScore
from gsam.weights import load_lifter

__all__ = ["score_clips"]


def score_clips(
    weights: Path, folder: Path, clips: ClipSet, *, flip_test: bool, workers: int
) -> list[ClipScore]:
    """Scores of every test clip, in the order of `clips`, whoever computed them.

    Args:
        weights: a trained lifter.
        folder: the clips' folder, which Ray actors read again.
        clips: its test clips.
        workers: 0 for this process, else the number of actors.
    """
    if workers == 0:
        model, _ = load_lifter(weights, clips.device)
        return evaluate(lifting(model, flip_test=flip_test), clips)
    return _score_on_ray(weights, folder, len(clips), flip_test, workers)


class _Scorer:
    """One actor: the model and the clips, loaded once."""

    def __init__(self, weights: str, folder: str, flip_test: bool) -> None:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        self.clips = ClipSet.load(folder, "test", device, hashed=False)
        model, _ = load_lifter(weights, device)
        self.lift = lifting(model, flip_test=flip_test)

    def __call__(self, row: Mapping[str, Any]) -> dict[str, Any]:
        score = asdict(score_one(self.lift, self.clips, int(row["clip"])))
        return {"clip": row["clip"], **score.pop("values"), "names": score}


def _score_on_ray(
    weights: Path, folder: Path, count: int, flip_test: bool, workers: int
) -> list[ClipScore]:
    from pipelines.runtime import quiet_ray

    with quiet_ray():
        import ray

        rows = (
            ray.data.from_items([{"clip": i} for i in range(count)])
            .repartition(min(count, 4 * workers))
            .map(
                _Scorer,
                fn_constructor_args=(str(weights.resolve()), str(folder.resolve()), flip_test),
                concurrency=workers,
                num_gpus=1 if ray.cluster_resources().get("GPU", 0) >= workers else 0,
            )
            .take_all()
        )
    rows.sort(key=lambda row: row["clip"])
    return [
        ClipScore(
            **row["names"],
            values={k: v for k, v in row.items() if k not in ("clip", "names")},
        )
        for row in rows
    ]
