"""The command for the bodies in a user's own pictures, whole and broken."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsam.body.bodies import open_bodies, write_bodies
from gsam.body.files import load_body
from gsam.configs import build
from gsam.datasets.video_frames import read_picture
from gsam.detectors.crops import warp
from gsam.images import decode_jpeg
from gsam.meshes.build import build_mesh
from gsam.meshes.config import MeshConfig
from gsam.meshes.crops import plain_matrix
from gsam.meshes.inference import MeshRegressor
from gsam.schemas import FITTED, metadata_of
from gsam.storage import array_column, digest, read_table
from gsam.weights import load_mesh, save_network
from pipelines import predict_mesh
from tests.detect_workspace import write_weights
from tests.mesh_workspaces import RUN
from tests.picture_inputs import (
    BOX,
    BROKEN,
    HEIGHT,
    WIDTH,
    Case,
    boxes_of,
    folder_of,
    run,
    run_here,
    video_of,
)
from tests.synthetic_bodies import mean_of, random_people


@pytest.fixture(scope="module")
def mesh(tmp_path_factory) -> Path:
    """A regressor that has learnt nothing, but answers differently to different pictures."""
    config = build(MeshConfig, RUN["mesh"], "mesh")
    torch.manual_seed(0)
    model = build_mesh(config, mean_of(random_people(4)))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_network(path, model.state_dict(), config, {"body": "free body"})
    return path


def seen(picture: Path, box: list[float], factor: float, mesh: Path) -> np.ndarray:
    """The shape (10,) that the network sees in a box enlarged about its centre."""
    model, notes = load_mesh(mesh)
    config = build(MeshConfig, notes["mesh"], "mesh")
    x, y, width, height = box
    size = factor * np.array([width, height])
    square = [*(np.array([x + width / 2, y + height / 2]) - size / 2), *size]
    crop = warp(read_picture(picture), plain_matrix(square, config.size), config.size, config.size)
    return MeshRegressor(model, config, load_body()).regress(crop[None]).shape[0].numpy()


def test_a_folder_of_pictures(tmp_path, mesh, monkeypatch, capfd) -> None:
    pictures = folder_of(tmp_path / "holiday")
    cut_off = [-5, 20, 50, 50]
    boxes = boxes_of(tmp_path / "b.json", {"0": [BOX], "2.jpg": [BOX, cut_off]})
    code, text, error = run_here(
        predict_mesh.main, monkeypatch, capfd,
        pictures, "--mesh", mesh, "--boxes", boxes, "--out", tmp_path / "out",
    )  # fmt: skip
    assert (code, error) == (0, "")
    assert text.startswith("predict_mesh  3 people in 3 pictures (1 with nobody), free body  ")
    table = read_table(tmp_path / "out/bodies.parquet", FITTED)
    notes = metadata_of(table)
    assert notes["body"] == "free body" and len(str(notes["body_hash"])) == 64
    assert (notes["model_hash"], notes["focal"]) == (digest(mesh), "diagonal")
    assert table["image"].to_pylist() == ["0.jpg", "2.jpg", "2.jpg"]
    assert table["frame"].to_pylist() == [0, 0, 0] and table["person"].to_pylist() == [0, 0, 1]
    assert np.allclose(table["focal"].to_pylist(), np.hypot(WIDTH, HEIGHT))
    kept = array_column(table, "box", (4,))
    assert np.allclose(kept[2], [0, 20, 45, 50])
    shapes = array_column(table, "smpl_shape", (10,))
    near, exact = (seen(pictures / "0.jpg", BOX, factor, mesh) for factor in (1.0, 1.2))
    assert np.allclose(shapes[0], exact, atol=1e-5) and not np.allclose(near, exact, atol=1e-4)
    posed = load_body()(
        torch.from_numpy(shapes.copy()),
        torch.from_numpy(array_column(table, "smpl_pose", (24, 3)).copy()),
    )
    joints = load_body().h36m_joints(posed.vertices)
    assert np.allclose(joints, array_column(table, "joints", (17, 3)), atol=1e-5)
    sheet = decode_jpeg((tmp_path / "out/sheet.jpg").read_bytes(), "sheet")
    assert min(sheet.shape[:2]) > 100 and sheet.std() > 10


def test_a_video_and_the_same_bytes_again(tmp_path, mesh, monkeypatch, capfd) -> None:
    """Whatever the focal length, bodies stand over the middle that the crop's camera says."""
    video = video_of(tmp_path / "walk.avi", 30)
    boxes = boxes_of(tmp_path / "b.json", {number: [BOX] for number in range(30)})
    options = ("--mesh", mesh, "--boxes", boxes, "--step", 2, "--focal", 700)
    for out in ("one", "two"):
        code, text, _ = run_here(
            predict_mesh.main, monkeypatch, capfd, video, *options, "--out", tmp_path / out
        )
        assert code == 0 and text.startswith("predict_mesh  15 people in 15 pictures, free body")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    table = read_table(tmp_path / "one/bodies.parquet", FITTED)
    assert metadata_of(table)["focal"] == "700"
    assert table["frame"].to_pylist() == list(range(0, 30, 2))
    s, *offset = array_column(table, "camera", (3,)).T
    *across, depth = array_column(table, "translation", (3,)).T
    half = 0.6 * max(BOX[2:])
    assert np.allclose(depth, 700 / (s * half), rtol=1e-4)
    for axis, side in enumerate((WIDTH, HEIGHT)):
        pixel = 700 * across[axis] / depth + side / 2
        middle = BOX[axis] + BOX[2 + axis] / 2
        assert np.allclose(pixel, middle + half * s * offset[axis], atol=1e-2)


def test_the_users_smpl(tmp_path, mesh, monkeypatch, capfd) -> None:
    """A model in its folder is used and named; a folder without one says who grants it."""
    pictures, boxes = folder_of(tmp_path / "p", 1), boxes_of(tmp_path / "b.json", {"0": [BOX]})
    write_bodies(tmp_path / "smpl", open_bodies(None))
    arguments = (pictures, "--mesh", mesh, "--boxes", boxes, "--out", tmp_path / "out")
    arguments += ("--smpl", tmp_path / "smpl")
    code, _, error = run_here(predict_mesh.main, monkeypatch, capfd, *arguments)
    assert code == 3 and "smpl.is.tue.mpg.de" in error and len(error.splitlines()) == 1
    (tmp_path / "smpl/neutral.npz").rename(tmp_path / "smpl/SMPL_NEUTRAL.npz")
    code, text, _ = run_here(predict_mesh.main, monkeypatch, capfd, *arguments)
    assert code == 0
    assert "body of 3446 vertices neutral (trained with free body)  " in text
    notes = metadata_of(read_table(tmp_path / "out/bodies.parquet", FITTED))
    assert notes["body"] == "body of 3446 vertices neutral"


def detector(folder: Path) -> dict[str, Any]:
    return {"--mesh": write_weights(folder / "detector.safetensors")}


CASES: dict[str, Case] = {
    **BROKEN,
    "no such model": (lambda f: {"--mesh": f / "absent.safetensors"}, 1, "absent.safetensors"),
    "a detector": (detector, 1, "detector.safetensors: metadata holds detector, expected a mesh"),
    "not a model": (lambda f: {"--mesh": f / "b.json"}, 1, "b.json"),
    "no such body": (lambda f: {"--smpl": f / "absent"}, 3, "absent: no neutral SMPL model"),
    "nobody": (lambda f: {"--score": 0.95}, 1, "nobody in 3 pictures"),
}


@pytest.mark.parametrize("case", CASES)
def test_what_cannot_be_used_ends_in_one_line(
    tmp_path, mesh, monkeypatch, capfd, case: str
) -> None:
    change, code, says = CASES[case]
    options: dict[str, Any] = {
        "input": folder_of(tmp_path / "pictures"),
        "--mesh": mesh,
        "--boxes": boxes_of(tmp_path / "b.json", {"0.jpg": [BOX], "1.jpg": [BOX]}),
        "--out": tmp_path / "out",
    }
    options |= change(tmp_path)
    source = options.pop("input")
    flat = [text for pair in options.items() for text in pair]
    ended, out, error = run_here(predict_mesh.main, monkeypatch, capfd, source, *flat)
    assert (ended, out) == (code, "")
    assert error.startswith("predict_mesh: ") and says in error
    assert len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_process_of_its_own_says_one_line(tmp_path, mesh) -> None:
    """Libraries that report themselves, and a bar where nobody watches, would show only here."""
    boxes = boxes_of(tmp_path / "b.json", {"0": [BOX]})
    options = ("--mesh", mesh, "--boxes", boxes, "--out", tmp_path / "out")
    done = run("predict_mesh", video_of(tmp_path / "v.avi", 2), *options)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("predict_mesh  1 people in 2 pictures (1 with nobody), free body")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("focal", ["0", "-5", "nan", "inf"])
def test_a_focal_length_is_above_zero(monkeypatch, capfd, focal: str) -> None:
    arguments = ("x", "--mesh", "m", "--boxes", "b.json", "--out", "o", "--focal", focal)
    code, _, error = run_here(predict_mesh.main, monkeypatch, capfd, *arguments)
    assert code == 2 and "--focal" in error
