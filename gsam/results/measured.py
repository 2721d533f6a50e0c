"""Measured figures: the scores that evaluation wrote, checked and summed up over seeds."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsam.errors import DataError
from gsam.storage import read_json

BASELINES = {"mean_pose": "mean pose of training", "ridge": "ridge, one frame"}
MESH_BASELINES = {"mean_parameters": "mean parameters of training"}


@dataclass(frozen=True)
class Estimate:
    """A figure over seeds: mean, half of the range between them (0 for one seed), their number."""

    mean: float
    half_range: float
    seeds: int


@dataclass(frozen=True)
class SeedScores:
    """One seed's figures, each metric -> value.

    Those of a diverged seed are its last good weights' and enter no mean.
    """

    diverged_epoch: int | None
    action_mean: Mapping[str, float]
    frame_mean: Mapping[str, float]
    per_action: Mapping[str, Mapping[str, float]]

    def value(self, metric: str, average: str) -> float | None:
        """`average` is `action_mean`, `frame_mean` or the name of an action."""
        groups = {"action_mean": self.action_mean, "frame_mean": self.frame_mean}
        return groups.get(average, self.per_action.get(average, {})).get(metric)


@dataclass(frozen=True)
class Scores:
    """What one run (or baseline) scored: where it was measured, how, and every seed's figures."""

    name: str
    dataset: str
    keypoints: str
    scale: str
    frames: int | None
    head: str
    data_hash: str
    protocol: Mapping[str, Any]
    recipe: Mapping[str, Any]
    parameters: Mapping[str, int]
    seeds: Mapping[str, SeedScores]

    @property
    def actions(self) -> list[str]:
        """Every action that some seed was scored on, sorted."""
        return sorted({action for seed in self.seeds.values() for action in seed.per_action})

    @property
    def diverged(self) -> dict[str, int]:
        """Seed -> epoch at which its training diverged."""
        found = {name: seed.diverged_epoch for name, seed in self.seeds.items()}
        return {name: epoch for name, epoch in found.items() if epoch is not None}

    def estimate(self, metric: str, average: str) -> Estimate | None:
        """The figure over the seeds that did not diverge; None when there is none."""
        good = [seed for seed in self.seeds.values() if seed.diverged_epoch is None]
        values = [seed.value(metric, average) for seed in good]
        kept = [value for value in values if value is not None]
        if not kept:
            return None
        return Estimate(math.fsum(kept) / len(kept), (max(kept) - min(kept)) / 2, len(kept))


def read_runs(folder: Path) -> dict[str, Scores]:
    """Scores of every run under `folder` (`<run>/scores.json`); raises DataError if malformed.

    Runs without the data that they need are left out: `read_missing` says why.
    """
    found = {}
    for path, content in _measured(folder):
        seeds = _mapping(content.get("seeds"), path, "seeds")
        if not seeds:
            raise DataError(f"{path}: seeds is empty, expected at least one")
        found[path.parent.name] = _scores(path.parent.name, content, seeds, path)
    return found


def read_baselines(folder: Path) -> dict[str, dict[str, Scores]]:
    """Baselines by keypoint source, then by name; raises DataError if malformed.

    A source whose detections the user does not have is left out: `read_missing` says why.
    """
    found: dict[str, dict[str, Scores]] = {}
    for path, content in _measured(folder):
        found[path.parent.name] = {
            name: _scores(name, {**content, **_mapping(content.get(name), path, name)}, None, path)
            for name in BASELINES
        }
    return found


def read_networks(folder: Path) -> dict[str, Scores]:
    """Scores of every 2D detector or mesh regressor under `folder`, figures as the (only) average.

    Raises DataError if malformed; those without pictures are left out, as in `read_runs`.
    """
    found = {}
    for path, content in _measured(folder):
        seeds = _mapping(content.get("seeds"), path, "seeds")
        averaged = {
            seed: {
                "diverged_epoch": _mapping(entry, path, f"seeds.{seed}").get("diverged_epoch"),
                "action_mean": entry.get("figures"),
                "frame_mean": {},
                "per_action": {},
            }
            for seed, entry in seeds.items()
        }
        as_run = {**content, "keypoints": content.get("images")}
        found[path.parent.name] = _scores(path.parent.name, as_run, averaged, path)
    return found


def split_baselines(
    networks: Mapping[str, Scores],
) -> tuple[dict[str, Scores], dict[str, dict[str, Scores]]]:
    """Mesh regressors by name, and apart from them their baselines by pictures, then by name."""
    baselines: dict[str, dict[str, Scores]] = {}
    for name in set(networks) & set(MESH_BASELINES):
        baselines.setdefault(networks[name].keypoints, {})[name] = networks[name]
    return {n: s for n, s in networks.items() if n not in MESH_BASELINES}, baselines


def read_missing(folder: Path) -> dict[str, str]:
    """Keypoint sources, runs or detectors that lack their data, and the reason."""
    files = {path.parent.name: read_json(path) for path in sorted(folder.glob("*/scores.json"))}
    return {
        source: str(content.get("reason", ""))
        for source, content in files.items()
        if isinstance(content, dict) and content.get("status") == "missing"
    }


def _measured(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every scores.json one level below `folder` that holds scores, not a reason for none."""
    for path in sorted(folder.glob("*/scores.json")):
        content = _mapping(read_json(path), path, "the file")
        if content.get("status") != "missing":
            yield path, content


def _scores(
    name: str, content: Mapping[str, Any], seeds: Mapping[str, Any] | None, path: Path
) -> Scores:
    entries = {"0": content} if seeds is None else seeds
    parameters = _mapping(content.get("parameters") or {}, path, "parameters")
    return Scores(
        name=name,
        dataset=_text(content, "dataset", path),
        keypoints=_text(content, "keypoints", path),
        scale=str(content.get("scale", "")),
        frames=content.get("frames"),
        head=str(content.get("head") or ""),
        data_hash=_text(content, "data_hash", path),
        protocol=_mapping(content.get("protocol"), path, "protocol"),
        recipe=_mapping(content.get("recipe") or {}, path, "recipe"),
        parameters={key: int(value) for key, value in sorted(parameters.items())},
        seeds={
            seed: _seed(_mapping(entries[seed], path, f"seeds.{seed}"), path)
            for seed in sorted(entries, key=lambda text: (len(text), text))
        },
    )


def _seed(content: Mapping[str, Any], path: Path) -> SeedScores:
    epoch = content.get("diverged_epoch")
    per_action = _mapping(content.get("per_action"), path, "per_action")
    return SeedScores(
        diverged_epoch=None if epoch is None else int(epoch),
        action_mean=_figures(content.get("action_mean"), path, "action_mean"),
        frame_mean=_figures(content.get("frame_mean"), path, "frame_mean"),
        per_action={
            action: _figures(per_action[action], path, f"per_action.{action}")
            for action in sorted(per_action)
        },
    )


def _figures(value: object, path: Path, field: str) -> dict[str, float]:
    figures = _mapping(value, path, field)
    for metric, figure in figures.items():
        number = isinstance(figure, int | float) and not isinstance(figure, bool)
        if not number or not math.isfinite(figure):
            raise DataError(f"{path}: {field}.{metric} is {figure!r}, expected a finite number")
    return {metric: float(figure) for metric, figure in figures.items()}


def _mapping(value: object, path: Path, field: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise DataError(f"{path}: {field} is {type(value).__name__}, expected an object")
    return value


def _text(content: Mapping[str, Any], field: str, path: Path) -> str:
    value = content.get(field)
    if not isinstance(value, str) or not value:
        raise DataError(f"{path}: {field} is {value!r}, expected a text")
    return value
