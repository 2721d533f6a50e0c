"""What a row has to say for itself: not run, diverged, beaten by a baseline."""

from collections.abc import Mapping
from typing import Any

from gsam.results.measured import Estimate, Scores
from gsam.results.model import Column, State
from gsam.results.spec import METRICS, RowSpec


def state_of(
    row: RowSpec, scores: Scores | None, column: Column, missing: Mapping[str, str]
) -> tuple[State, str]:
    """Whether the row has a figure, and what to say where it has none or not of every seed."""
    if not row.source:
        return "not measured", row.reason or "parameter count only"
    if row.source in missing:
        return "not measured", f"not measured: {missing[row.source]}"
    if scores is None:
        return "not run", "not run"
    diverged = scores.diverged
    if not diverged:
        return "measured", ""
    if len(scores.seeds) == 1:
        return "diverged", _diverged(scores, column)
    places = ", ".join(f"seed {seed} at epoch {epoch}" for seed, epoch in diverged.items())
    state: State = "diverged" if len(diverged) == len(scores.seeds) else "measured"
    return state, f"{len(diverged)} of {len(scores.seeds)} seeds diverged ({places})"


def _diverged(scores: Scores, column: Column) -> str:
    """Where the only seed's training broke, and what its last good weights score."""
    seed = next(iter(scores.seeds.values()))
    value = seed.value(column.metric, column.average)
    before = "" if value is None else f"; {value:.1f} with the weights before it"
    return f"diverged at epoch {seed.diverged_epoch}{before}"


def frames_remark(plan: Mapping[str, Any]) -> str:
    """A small scale may train with fewer frames than the row is named after."""
    trained = plan.get("lifter", {}).get("frames")
    full = plan.get("full_lifter", {}).get("frames")
    return f"trained with {trained} frames" if trained != full and trained else ""


def unbeaten(
    column: Column, own: Estimate | None, baselines: Mapping[str, Scores]
) -> list[str] | None:
    """Names of the baselines that are as good or better; None where nothing can be compared."""
    lower = METRICS[column.metric].lower_is_better
    names = {
        "mean_pose": "the mean pose",
        "ridge": "ridge regression",
        "mean_parameters": "the mean parameters",
    }
    figures = {name: b.estimate(column.metric, column.average) for name, b in baselines.items()}
    if own is None or not figures or any(figure is None for figure in figures.values()):
        return None
    return [
        names[name]
        for name, figure in figures.items()
        if figure and (own.mean >= figure.mean if lower else own.mean <= figure.mean)
    ]
