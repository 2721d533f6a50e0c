"""Score the networks of one mesh regressor on every labelled person of 3DPW's test and validation
splits, under PARE's protocol.

    python -m stages.evaluate_mesh NAME

Reads data/plan/meshes/<name>.json, data/bodies/, data/images/threedpw/, models/mesh/<name>/ and
results/meshes/<name>/train.json. Writes results/meshes/<name>/: scores.json (every seed's figures,
overall, for occluded and unoccluded sequences apart, and by sequence, with the protocol) and
metrics.json (the first seed's headline). Where the data is missing both say so.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gsam.configs import build
from gsam.meshes.augment import MeshAugment
from gsam.meshes.config import MeshConfig
from gsam.meshes.losses import MeshLossConfig
from gsam.meshes.parameters import count_parameters
from gsam.meshes.sources import MeshSamples
from gsam.storage import read_json, write_json
from stages.common import one_argument, planned, run_stage, status_of
from stages.mesh_scores import Labelled, headline, shown
from stages.paths import MESH_MODELS, MESHES


def main(arguments: list[str]) -> str:
    """Score every seed of a mesh regressor; returns the summary line."""
    name = one_argument(arguments, "name of a mesh regressor")
    run = planned(f"meshes/{name}")
    trained = read_json(MESHES / name / "train.json")
    if trained.get("status") == "missing":
        absent = {"status": "missing", "reason": trained["reason"]}
        write_json(MESHES / name / "scores.json", {"mesh": name, **absent})
        write_json(MESHES / name / "metrics.json", absent)
        return f"not scored: {trained['reason']}"
    people = Labelled.load()
    seeds = {}
    for seed, record in trained["seeds"].items():
        kept = {key: record[key] for key in ("status", "diverged_epoch", "weights_hash")}
        weights = MESH_MODELS / name / f"seed{seed}.safetensors"
        seeds[seed] = {**kept, **people.scores_of(weights, run["truth"], f"{name} seed {seed}")}
    result = score_file(run, people, seeds)
    metrics = headline(next(iter(seeds.values()))["figures"], result["status"])
    write_json(MESHES / name / "scores.json", result)
    write_json(MESHES / name / "metrics.json", metrics)
    return f"{result['status']}  {result['dataset']}  {shown(metrics)}"


def score_file(
    run: Mapping[str, Any], people: Labelled, seeds: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """What scores.json holds: the figures of every seed and all that they were measured under."""
    parts = {"trained": run["mesh"], "full": run["full_mesh"]}
    configs = {key: build(MeshConfig, part, f"{key} mesh") for key, part in parts.items()}
    return {
        "mesh": run["name"],
        **people.conditions(run),
        "recipe": recipe_of(run),
        "input": f"{configs['trained'].size} px",
        "status": status_of(seeds),
        "parameters": {key: count_parameters(config) for key, config in configs.items()},
        "seeds": dict(seeds),
    }


def recipe_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """How the networks were trained, with what the run leaves at its default."""
    kinds = {"augment": MeshAugment, "samples": MeshSamples, "losses": MeshLossConfig}
    own = {part: asdict(build(kind, run[part], part)) for part, kind in kinds.items()}
    return {**run["train"], **own["augment"], **own["samples"], "losses": own["losses"]}


if __name__ == "__main__":
    run_stage(main)
