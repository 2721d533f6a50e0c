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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from gsam.body.bodies import read_bodies
from gsam.configs import build
from gsam.meshes.backbone_weights import start_backbone
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.parameters import count_parameters
from gsam.meshes.sources import MeshSamples, MeshSources
from gsam.storage import atomic_directory, digest, read_json, write_json
from gsam.training.loop import Outcome
from gsam.training.task import CurveRow
from gsam.weights import save_network
from pipelines.raw_fetch import local_file
from pipelines.run_storage import RunStorage
from pipelines.train_mesh import MeshData, train_mesh
from stages.common import one_argument, planned, run_stage, status_of
from stages.mesh_data import LABELLED, source_files, training_files
from stages.paths import BODIES, IMAGES, MESH_MODELS, MESHES
from stages.trained import headline, train_seeds, write_curves, write_models

CURVE = ("epoch", "lr", "train_loss", "val_loss", "val_mpjpe_mm", "val_pa_mpjpe_mm")
MEASURES = CURVE[2:]


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
    with started(run) as own:
        backbone = backbone_report(own)
        data_hash = hash_of(data, sources, own["backbone"])

        def train(seed: int, storage: RunStorage, report: Callable[[CurveRow], None]) -> Outcome:
            return train_mesh(own, data, sources, seed, storage, report)

        outcomes, storages = train_seeds(run, data_hash, CURVE, train)
    config = build(MeshConfig, run["mesh"], "mesh")
    body = read_bodies(data.bodies).title("neutral")

    def save(path: Path, outcome: Outcome, notes: dict[str, Any]) -> None:
        save_network(path, outcome.weights, config, {**notes, "body": body})

    record = write_models(MESH_MODELS / name, run, outcomes, save, "samples", MEASURES)
    write_curves(MESHES / name / "curve.csv", outcomes, CURVE)
    people = {one.name: len(one.people) for one in sources.sources}
    about = {"people": people, "data_hash": data_hash, "backbone": backbone, "body": body}
    write_results(run, {**about, "seeds": record})
    for storage in storages:
        storage.finish(MESHES / name / "train.json")
    parts = [
        f"{config.name} {config.size} px",
        " and ".join(f"{count:,} people of {name}" for name, count in people.items()),
        *([backbone] if backbone else []),
    ]
    return headline(parts, outcomes, shown, run["workers"])


@contextmanager
def started(run: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The run with the file that its backbone starts from, if any, on this machine's disk."""
    if not run["backbone"]:
        yield run
        return
    with local_file(run["backbone"]) as file:
        yield {**run, "backbone": str(file)}


def mesh_data(mixed: tuple[str, ...]) -> MeshData:
    """Where everything lies, for other processes too."""
    return MeshData(
        training=training_files(mixed),
        validation=source_files(LABELLED, "validation"),
        bodies=(BODIES / "model").resolve(),
        mean=(BODIES / "mean_params.npz").resolve(),
    )


def hash_of(data: MeshData, sources: MeshSources, backbone: str | None) -> str:
    """Identifies everything that is read: images and labels of all splits, bodies, the means, and
    the file that the backbone starts from.
    """
    tables = [*data.validation.images.glob("*.parquet"), *BODIES.glob("*.parquet")]
    first = [Path(backbone)] if backbone else []
    rest = digest([data.bodies, data.mean, *sorted(tables), *first])
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
    write_curves(MESHES / name / "curve.csv", {}, CURVE)
    trained = {"mesh": name, "status": "missing", "reason": reason}
    write_json(MESHES / name / "train.json", trained)
    return f"not trained: {reason}"


def write_results(run: Mapping[str, Any], about: Mapping[str, Any]) -> None:
    """Write train.json."""
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
        "truth": run["truth"],
        **about,
    }
    write_json(MESHES / run["name"] / "train.json", trained)


def shown(last: CurveRow) -> str:
    """The last epoch in words."""
    text = f"loss {last['train_loss']:.4g}"
    if last["val_loss"] is not None:
        mpjpe, pa_mpjpe = last["val_mpjpe_mm"], last["val_pa_mpjpe_mm"]
        text += f", validation {last['val_loss']:.4g}, MPJPE {mpjpe:.0f} mm, PA {pa_mpjpe:.0f}"
    return text


if __name__ == "__main__":
    run_stage(main)
