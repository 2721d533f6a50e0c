"""Score the imported checkpoint on the data of its kind, as a run of ours is scored.

    python -m stages.evaluate_checkpoint

Reads data/plan/evaluate_checkpoint.json, models/checkpoint/ and, for a lifter, data/clips/ and
results/baselines/ of `keypoints`; for a detector, data/images/ of its joints' dataset; for a mesh
regressor, data/bodies/ and data/images/threedpw/. Writes results/checkpoint/: scores.json (every
figure and the protocol) and metrics.json (the headline). Where no checkpoint is named, both say so;
where its data is not among the user's files, the stage ends with exit code 3.
"""

from collections.abc import Mapping
from typing import Any

from gsam.configs import build
from gsam.detectors import parameters as detector_parameters
from gsam.detectors.config import DetectorConfig
from gsam.errors import ConfigError
from gsam.lifters import LifterConfig
from gsam.lifters import count_parameters as count_lifter
from gsam.meshes import parameters as mesh_parameters
from gsam.meshes.config import MeshConfig
from gsam.storage import read_json, write_json
from stages import lifter_scores, mesh_scores
from stages.common import planned, run_stage
from stages.compose_detectors import JOINT_SETS
from stages.detector_scores import ScoredImages
from stages.paths import CHECKPOINT_MODEL, CHECKPOINT_RESULTS

WEIGHTS = CHECKPOINT_MODEL / "checkpoint.safetensors"

_Scored = tuple[dict[str, Any], dict[str, Any], str]
"""scores.json, metrics.json and the summary line."""


def main(arguments: list[str]) -> str:
    """Score the checkpoint; returns the summary line."""
    if arguments:
        raise ConfigError(f"expected no argument; got {arguments}")
    plan = planned("evaluate_checkpoint")
    record = read_json(CHECKPOINT_MODEL / "checkpoint.json")
    if record["status"] != "ok":
        for name in ("scores", "metrics"):
            write_json(CHECKPOINT_RESULTS / f"{name}.json", record)
        return str(record["status"])
    score = {"lifter": score_lifter, "detector": score_detector, "mesh": score_mesh}[record["kind"]]
    scores, metrics, line = score(record, plan)
    write_json(CHECKPOINT_RESULTS / "scores.json", {**record, **scores})
    write_json(CHECKPOINT_RESULTS / "metrics.json", metrics)
    return f"{record['checkpoint']}  {line}"


def score_lifter(record: Mapping[str, Any], plan: Mapping[str, Any]) -> _Scored:
    """On the test clips of `keypoints`."""
    config = build(LifterConfig, record["config"], str(WEIGHTS))
    clips = lifter_scores.ScoredClips.load(plan["keypoints"], plan["workers"], config)
    figures = clips.scores_of(WEIGHTS)
    metrics = clips.headline([figures], "ok")
    scores = {**clips.conditions(), "parameters": count_lifter(config), **figures}
    return scores, metrics, lifter_scores.shown(metrics)


def score_detector(record: Mapping[str, Any], plan: Mapping[str, Any]) -> _Scored:
    """On the test pictures of the dataset that has its joints."""
    config = build(DetectorConfig, record["config"], str(WEIGHTS))
    sets = {joint_set: name for name, joint_set in JOINT_SETS.items()}
    if config.joint_set not in sets:
        raise ConfigError(f"joint_set = {config.joint_set}: expected one of {', '.join(sets)}")
    images = ScoredImages.load(sets[config.joint_set], plan["detect"])
    figures = images.figures_of(WEIGHTS, record["checkpoint"])
    metrics = images.headline(figures, "ok")
    parameters = detector_parameters.count_parameters(config)
    scores = {**images.conditions(config), "parameters": parameters, "figures": figures}
    return scores, metrics, images.shown(metrics)


def score_mesh(record: Mapping[str, Any], plan: Mapping[str, Any]) -> _Scored:
    """On 3DPW's test and validation people."""
    config = build(MeshConfig, record["config"], str(WEIGHTS))
    people = mesh_scores.Labelled.load()
    found = people.scores_of(WEIGHTS, plan["truth"], record["checkpoint"])
    metrics = mesh_scores.headline(found["figures"], "ok")
    parameters = mesh_parameters.count_parameters(config)
    scores = {**people.conditions(plan), "parameters": parameters, **found}
    return scores, metrics, f"{people.dataset}  {mesh_scores.shown(metrics)}"


if __name__ == "__main__":
    run_stage(main)
