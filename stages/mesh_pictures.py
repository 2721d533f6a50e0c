"""Draw what mesh regressors learn from, see and answer.

    python -m stages.mesh_pictures

Reads data/plan/meshes/, data/bodies/, data/images/threedpw/ and of the other sets that are mixed
in, models/mesh/ and results/meshes/<name>/curve.csv. Writes results/mesh_pictures/: samples.jpg
(training crops as they are varied, with joints and part maps), bodies.jpg (test people: the true
body and every regressor's, over the picture and from the side), attention.jpg (where each part is
looked for), sensitivity.jpg (the error while a grey patch covers a place) and validation.png (the
curves). Where the data is missing, missing.json says so.
"""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from gsam.configs import build
from gsam.datasets.threedpw.subsets import is_occluded
from gsam.errors import ConfigError, LicensedDataMissing
from gsam.meshes.augment import MeshAugment
from gsam.meshes.config import MeshConfig
from gsam.meshes.inference import MeshRegressor
from gsam.meshes.samples import MeshSampler
from gsam.meshes.scoring import Truth
from gsam.meshes.sources import MeshSamples, MeshSources
from gsam.pictures.curves import Curve, draw_curves
from gsam.pictures.keypoints import Picture, draw_sheet
from gsam.pictures.mesh_rows import (
    Subject,
    attention_rows,
    bodies_row,
    sample_row,
    sensitivity_rows,
)
from gsam.render.mesh import render_mesh
from gsam.skeletons import SPIN_24
from gsam.storage import atomic_directory, write_json
from gsam.weights import load_mesh
from stages.common import planned, progress, run_stage
from stages.mesh_data import training_files
from stages.mesh_scores import SPLITS, Labelled
from stages.paths import MESH_MODELS, MESHES
from stages.pictures import evenly

OUT = Path("results/mesh_pictures")
RUNS = Path("data/plan/meshes")
SPLIT = SPLITS[0]
PEOPLE = 4
"""Test people whose bodies are shown, of occluded sequences and as many of the others."""
STUDIED = 1
"""Of each kind, of whom attention and sensitivity are drawn: those take a row per network."""
SAMPLES = 8
MEASURES = {
    "val_loss": "validation loss (PARE's with parts)",
    "val_mpjpe_mm": "MPJPE (mm)",
    "val_pa_mpjpe_mm": "PA-MPJPE (mm)",
}


def main(arguments: list[str]) -> str:
    """Write results/mesh_pictures; returns the summary line."""
    if arguments:
        raise ConfigError(f"expected no argument; got {arguments}")
    runs = [planned(f"meshes/{path.stem}") for path in sorted(RUNS.glob("*.json"))]
    with atomic_directory(OUT) as folder:
        try:
            people = Labelled.load()
        except LicensedDataMissing as missing:
            write_json(folder / "missing.json", {"reason": str(missing)})
            return f"nothing drawn: {missing}"
        trained = [r for r in runs if not (MESH_MODELS / r["name"] / "missing.json").exists()]
        if trained:
            draw_samples(trained[0], folder / "samples.jpg")
            draw_validation(trained, people, folder / "validation.png")
            draw_people({run["name"]: network(run, people) for run in trained}, people, folder)
        drawn = len(list(folder.iterdir()))
    names = ", ".join(run["name"] for run in trained)
    return f"{OUT}  {drawn} pictures of {names or 'no network'}"


def network(run: dict[str, Any], people: Labelled) -> MeshRegressor:
    """The first seed's network of a run."""
    path = MESH_MODELS / run["name"] / f"seed{run['seeds'][0]}.safetensors"
    model, notes = load_mesh(path, people.device)
    config = build(MeshConfig, notes["mesh"], f"{path}: mesh")
    return MeshRegressor(model, config, people.bodies.neutral, device=people.device)


def draw_samples(run: dict[str, Any], path: Path) -> None:
    """Training crops as a network sees them in its first epoch, of every set that is mixed in."""
    mixed = build(MeshSamples, run["samples"], "samples").names
    sources = MeshSources.open(training_files(mixed))
    augment = build(MeshAugment, run["augment"], "augment")
    sampler = MeshSampler(sources, run["mesh"]["size"], augment)
    shown: list[Picture] = []
    for source, start in zip(sources.sources, sources.starts, strict=False):
        some = source.people[evenly(len(source.people), SAMPLES)]
        chosen = [int(start + person) for person in some]
        shown += sample_row({f"{source.name} {item}": sampler(item, 0) for item in chosen})
    title = "training crops: joints that supervise them, and 3DPW's part maps"
    draw_sheet(shown, title, path, SPIN_24, columns=SAMPLES)


def draw_validation(runs: list[dict[str, Any]], people: Labelled, path: Path) -> None:
    """The curves of all networks over the epochs, on the validation people."""
    panels: dict[str, dict[str, list[Curve]]] = {label: {} for label in MEASURES.values()}
    for run in runs:
        with (MESHES / run["name"] / "curve.csv").open(newline="") as file:
            rows = list(csv.DictReader(file))
        for column, label in MEASURES.items():
            drawn = [row for row in rows if row[column]]
            panels[label][run["name"]] = [
                [(float(r["epoch"]), float(r[column])) for r in drawn if r["seed"] == str(seed)]
                for seed in run["seeds"]
            ]
    draw_curves(panels, f"validation people of {people.dataset}, scale {runs[0]['scale']}", path)


def draw_people(networks: dict[str, MeshRegressor], people: Labelled, folder: Path) -> None:
    """Bodies of some test people; of fewer, attention and sensitivity."""
    truth = Truth(people.labels[SPLIT], people.bodies, "neutral", people.device)
    hidden = np.array([is_occluded(name) for name in truth.labels.sequences])
    kinds = [np.flatnonzero(kind) for kind in (hidden, ~hidden)]
    groups = [people_of[evenly(len(people_of), PEOPLE)].tolist() for people_of in kinds]
    subjects = {
        person: Subject.of(people.images[SPLIT], truth, person)
        for group in groups
        for person in group
    }
    studied = [subjects[person] for group in groups for person in group[:STUDIED]]
    mesh = render_mesh(people.bodies.neutral)
    where = f"test people of {people.dataset}"
    names = ", ".join(one.sequence for one in studied)
    bodies = [bodies_row(one, networks, mesh) for one in shown(subjects.values(), "bodies")]
    title = f"{where}, the first {len(groups[0])} rows from occluded sequences"
    write_rows(bodies, title, folder / "bodies.jpg")
    attention = [row for one in studied for row in attention_rows(one, networks)]
    write_rows(
        attention, f"{where} ({names}): where each part is looked for", folder / "attention.jpg"
    )
    costs = [
        row for one in shown(studied, "sensitivity") for row in sensitivity_rows(one, networks)
    ]
    title = f"{where} ({names}): error while a grey patch covers a place, dark low, bright high"
    write_rows(costs, title, folder / "sensitivity.jpg")


def shown(subjects: Iterable[Subject], what: str) -> Iterable[Subject]:
    """The subjects, with a bar on a terminal."""
    return progress(list(subjects), what)


def write_rows(rows: list[list[Picture]], title: str, path: Path) -> None:
    """One sheet of rows of equal length; none where there are no rows."""
    if rows:
        pictures = [picture for row in rows for picture in row]
        draw_sheet(pictures, title, path, SPIN_24, columns=len(rows[0]))


if __name__ == "__main__":
    run_stage(main)
