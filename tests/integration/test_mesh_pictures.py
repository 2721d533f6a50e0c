"""mesh_pictures as a command: its sheets, and what it says where data or networks are missing."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.images import decode_jpeg
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.weights import save_network
from tests.labelled_bodies import label_people
from tests.mesh_workspaces import RUN, make_workspace, write_run
from tests.synthetic_images import write_images
from tests.workspaces import run_stage

SHEETS = ("attention.jpg", "bodies.jpg", "samples.jpg", "sensitivity.jpg")
NETWORKS = ("hmr", "pare")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two networks with random weights, their curves, and people of all three splits."""
    root = make_workspace(tmp_path_factory.mktemp("work"))
    (root / "data/plan/meshes/tiny.json").unlink()
    images = write_images(
        root / "data/images/threedpw", "test", joint_set="spin_24", count=4, people_each=1
    )
    label_people(root / "data/bodies", "test", images)
    for number, name in enumerate(NETWORKS):
        mesh = RUN["mesh"] | ({"name": "hmr", "hidden": 8} if name == "hmr" else {})
        write_run(root, {**RUN, "name": name, "mesh": mesh, "full_mesh": mesh})
        torch.manual_seed(number)
        config = MeshConfig(**mesh)
        path = root / f"models/mesh/{name}/seed0.safetensors"
        save_network(path, build_mesh(config).state_dict(), config, {})
        curve = root / f"results/meshes/{name}/curve.csv"
        curve.parent.mkdir(parents=True)
        curve.write_text(
            "seed,epoch,lr,train_loss,val_loss,val_mpjpe_mm,val_pa_mpjpe_mm\n"
            f"0,1,0.1,5,4,{300 - number},150\n0,2,0.1,4,3,290,\n"
        )
    return root


def test_every_sheet_is_drawn_and_the_same_every_time(folder: Path) -> None:
    out = folder / "results/mesh_pictures"
    done = run_stage(folder, "mesh_pictures")
    assert done.returncode == 0, done.stderr
    assert "5 pictures of hmr, pare" in done.stdout
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert sorted(first) == sorted([*SHEETS, "validation.png"])
    for name in SHEETS:
        picture = decode_jpeg(first[name], name)
        assert picture.shape[1] > 600 and np.ptp(picture) > 200, name
    assert run_stage(folder, "mesh_pictures").returncode == 0
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first


def test_without_3dpw_it_says_so(tmp_path: Path) -> None:
    reason = json.dumps({"reason": "3DPW is granted by its authors"})
    write_run(tmp_path, RUN)
    for place in ("bodies", "images/threedpw"):
        (tmp_path / "data" / place).mkdir(parents=True)
        (tmp_path / "data" / place / "missing.json").write_text(reason)
    done = run_stage(tmp_path, "mesh_pictures")
    assert done.returncode == 0 and "granted by its authors" in done.stdout
    assert [path.name for path in (tmp_path / "results/mesh_pictures").iterdir()] == [
        "missing.json"
    ]


def test_a_network_without_weights_is_named(folder: Path) -> None:
    weights = folder / "models/mesh/pare/seed0.safetensors"
    kept = weights.read_bytes()
    weights.write_bytes(kept[:100])
    try:
        done = run_stage(folder, "mesh_pictures")
    finally:
        weights.write_bytes(kept)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1
    assert "models/mesh/pare/seed0.safetensors" in done.stderr
