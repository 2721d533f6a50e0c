"""Train one mesh regressor, once per seed.

    python -m stages.train_mesh NAME

Reads data/plan/meshes/<name>.json, data/bodies/, data/images/threedpw/ and data/images/ of the
other sets that the run mixes in. Writes models/mesh/<name>/: one seed<k>.safetensors per seed and
run.json; results/meshes/<name>/: curve.csv and train.json. Killed at any instant and run again, it
goes on from its newest checkpoint (.gsam/runs, or $GSAM_RUN_STORAGE) and ends with the same bits. A
training that diverges is a result. Where 3DPW or a set that is mixed in is not among the user's
files, models/mesh/<name>/missing.json and train.json say so.
"""

import hashlib
from collections.abc import Mapping
from typing import Any

from gsam.body.bodies import read_bodies
from gsam.configs import build
from gsam.meshes.backbone_weights import start_backbone
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.parameters import count_parameters
from gsam.meshes.sources import MeshSamples, MeshSources, SourceFiles
from gsam.storage import atomic_directory, digest, read_json, write_json, write_text
from gsam.training.loop import Outcome
from gsam.weights import save_mesh
from pipelines.run_storage import RunStorage
from pipelines.train_mesh import MeshData, train_mesh
from stages.common import one_argument, planned, run_stage, status_of
from stages.curves import curve_text, reporter, rounded
from stages.paths import BODIES, IMAGES, MESH_MODELS, MESHES

CURVE = ("epoch", "lr", "train_loss", "val_loss", "val_mpjpe_mm", "val_pa_mpjpe_mm")
MEASURES = CURVE[2:]
LABELLED = "threedpw"
"""The set of images whose people have SMPL labels, in data/bodies."""


def main(arguments: list[str]) -> str:
    """Train every seed of a mesh regressor; returns the summary line."""
    name = one_argument(arguments, "name of a mesh regressor")
    run = planned(f"meshes/{name}")
    mixed = build(MeshSamples, run["samples"], "samples").names
    for folder in (BODIES, *(IMAGES / one for one in (LABELLED, *mixed))):
        if (folder / "missing.json").exists():
            return write_missing(name, str(read_json(folder / "missing.json")["reason"]))
    data = mesh_data(mixed)
    sources = MeshSources.open(data.training)
    backbone = backbone_report(run)
    data_hash = hash_of(data, sources)
    outcomes, storages = {}, []
    for seed in run["seeds"]:
        storage = RunStorage(run, seed, data_hash)
        storages.append(storage)
        show = reporter(seed, run["train"]["epochs"], CURVE)
        outcomes[seed] = train_mesh(run, data, sources, seed, storage, show)
    record = write_models(run, outcomes)
    people = {one.name: len(one.people) for one in sources.sources}
    about = {"people": people, "data_hash": data_hash, "backbone": backbone}
    write_results(run, data, outcomes, {**about, "seeds": record})
    for storage in storages:
        storage.clear()
    return headline(run, people, backbone, outcomes)


def mesh_data(mixed: tuple[str, ...]) -> MeshData:
    """Where everything lies, for other processes too."""

    def files(name: str, split: str) -> SourceFiles:
        labels = BODIES.resolve() if name == LABELLED else None
        return SourceFiles(name, split, (IMAGES / name).resolve(), labels)

    return MeshData(
        training=tuple(files(name, "train") for name in mixed),
        validation=files(LABELLED, "validation"),
        bodies=(BODIES / "model").resolve(),
        mean=(BODIES / "mean_params.npz").resolve(),
    )


def hash_of(data: MeshData, sources: MeshSources) -> str:
    """Identifies everything that is read: images and labels of all splits, bodies, the means."""
    tables = [*data.validation.images.glob("*.parquet"), *BODIES.glob("*.parquet")]
    rest = digest([data.bodies, data.mean, *sorted(tables)])
    return hashlib.sha256(f"{sources.data_hash} {rest}".encode()).hexdigest()


def backbone_report(run: Mapping[str, Any]) -> str | None:
    """What becomes of the file that the backbone starts from, in one line; None without one.

    Raises:
        DataError: the file cannot be read or is of another network.
    """
    if not run["backbone"]:
        return None
    report = start_backbone(build_mesh(build(MeshConfig, run["mesh"], "mesh")), run["backbone"])
    return "; ".join(line.strip() for line in report.table().splitlines())


def write_missing(name: str, reason: str) -> str:
    """Outs that say why there is no mesh regressor; returns the summary line."""
    with atomic_directory(MESH_MODELS / name) as folder:
        write_json(folder / "missing.json", {"reason": reason})
    write_text(MESHES / name / "curve.csv", curve_text([], CURVE))
    trained = {"mesh": name, "status": "missing", "reason": reason}
    write_json(MESHES / name / "train.json", trained)
    return f"not trained: {reason}"


def write_models(run: Mapping[str, Any], outcomes: Mapping[int, Outcome]) -> dict[str, Any]:
    """Write the weights of every seed and what they are; returns that record by seed."""
    record: dict[str, Any] = {}
    config = build(MeshConfig, run["mesh"], "mesh")
    with atomic_directory(MESH_MODELS / run["name"]) as folder:
        for seed, outcome in outcomes.items():
            path = folder / f"seed{seed}.safetensors"
            notes = {"run": run["name"], "seed": seed, "status": outcome.status}
            save_mesh(path, outcome.weights, config, notes)
            last = outcome.curve[-1]
            record[str(seed)] = {
                "status": outcome.status,
                "diverged_epoch": outcome.diverged_epoch,
                "epochs": len(outcome.curve),
                "samples": outcome.seen,
                **{key: rounded(last[key]) for key in MEASURES},
                "weights_hash": digest(path),
            }
        write_json(folder / "run.json", {"run": dict(run), "seeds": record})
    return record


def write_results(
    run: Mapping[str, Any],
    data: MeshData,
    outcomes: Mapping[int, Outcome],
    about: Mapping[str, Any],
) -> None:
    """Write the learning curves and train.json."""
    rows = [(seed, row) for seed, outcome in outcomes.items() for row in outcome.curve]
    write_text(MESHES / run["name"] / "curve.csv", curve_text(rows, CURVE))
    config = build(MeshConfig, run["mesh"], "mesh")
    trained = {
        "mesh": run["name"],
        "status": status_of(about["seeds"]),
        "config": config.as_dict(),
        "recipe": run["train"],
        "augment": run["augment"],
        "samples": run["samples"],
        "losses": run["losses"],
        "parameters": count_parameters(config),
        "body": read_bodies(data.bodies).title("neutral"),
        "truth": run["truth"],
        **about,
    }
    write_json(MESHES / run["name"] / "train.json", trained)


def headline(
    run: Mapping[str, Any],
    people: Mapping[str, int],
    backbone: str | None,
    outcomes: Mapping[int, Outcome],
) -> str:
    """What a person wants to see of a training, in one line."""
    config = build(MeshConfig, run["mesh"], "mesh")
    parts = [f"{config.name} {config.size} px"]
    parts.append(" and ".join(f"{count:,} people of {name}" for name, count in people.items()))
    if backbone:
        parts.append(backbone)
    for seed, outcome in outcomes.items():
        last = outcome.curve[-1]
        if outcome.status == "diverged":
            parts.append(f"seed {seed}: diverged at epoch {outcome.diverged_epoch}")
            continue
        shown = f"loss {last['train_loss']:.4g}"
        if last["val_loss"] is not None:
            mpjpe, pa_mpjpe = last["val_mpjpe_mm"], last["val_pa_mpjpe_mm"]
            shown += f", validation {last['val_loss']:.4g}, MPJPE {mpjpe:.0f} mm, PA {pa_mpjpe:.0f}"
        parts.append(f"seed {seed}: {len(outcome.curve)} epochs, {shown}")
    return "  ".join(parts)


if __name__ == "__main__":
    run_stage(main)
