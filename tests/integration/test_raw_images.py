"""The stage that makes raw images: the twin's on Ray, whoever renders; lists of real ones."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from gsam.datasets.coco import coco_files
from gsam.datasets.mpii.labels import mpii_images
from gsam.errors import ConfigError, DataError
from gsam.twin.config import TwinConfig
from gsam.twin.images import TwinImagesConfig
from pipelines import render
from stages import raw_images
from tests.workspaces import REPOSITORY

TWIN = {"frames_per_take": 20, "seed": 3}
IMAGES = {
    "step": 50, "views": 1, "size": 48, "still_size": 64, "coco_train": 33, "coco_val": 5,
    "mpii_train": 20, "mpii_valid": 6,
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # Ray's workers import the project from here.
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    (tmp_path / "data" / "plan").mkdir(parents=True)
    return tmp_path


def plan(workspace: Path, **content: Any) -> None:
    (workspace / "data" / "plan" / "raw_images.json").write_text(json.dumps(content))


@pytest.mark.slow
def test_any_number_of_processes_renders_the_same_bytes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(workspace, data="twin", twin=TWIN, images=IMAGES, folders={})
    assert raw_images.main([]) == "twin  human36m 209 images  coco 38 images  mpii 27 images"
    made = workspace / "data" / "source_images"
    other = workspace / "other"
    other.mkdir()
    # One process, and pieces of work cut otherwise among its tasks.
    monkeypatch.setattr(render, "PIECES_PER_TASK", 50)
    render.render_twin(other, TwinConfig(**TWIN), TwinImagesConfig(**IMAGES), num_cpus=1)
    names = sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(other).as_posix() for p in other.rglob("*") if p.is_file())
    assert "human36m/frames/S11.tar" in names and len(names) == 15 + 5 + 6
    for name in names:
        assert (made / name).read_bytes() == (other / name).read_bytes(), name
    assert mpii_images(made / "mpii").name == "images.zip"
    assert coco_files(made / "coco", "val")[1].name == "val2017.zip"


def test_a_failed_piece_is_one_line_and_leaves_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> int:
        raise DataError("no floor to stand on")

    monkeypatch.setattr(render, "do_work", failing)
    item = {"parts": "x", "twin": TWIN, "images": IMAGES}
    row = render._render({**item, "dataset": "coco", "split": "val", "first": 32, "last": 40})
    assert row["error"] == "coco-val-000032: no floor to stand on"
    monkeypatch.setattr(render, "_rendered", lambda *_: [row])
    monkeypatch.setattr(render, "quiet_ray", nullcontext)
    plan(workspace, data="twin", twin=TWIN, images=IMAGES, folders={})
    with pytest.raises(DataError, match="no floor"):
        raw_images.main([])
    assert [path.name for path in (workspace / "data").iterdir()] == ["plan"]


def test_wrong_settings_are_refused_before_anything_is_rendered(workspace: Path) -> None:
    plan(workspace, data="twin", twin=TWIN, images={**IMAGES, "views": 9}, folders={})
    with pytest.raises(ConfigError, match="views = 9: expected 4 at most"):
        raw_images.main([])
    assert not (workspace / "data" / "source_images").exists()


def test_real_images_are_listed_with_their_hashes(workspace: Path) -> None:
    video = workspace / "h36m" / "S1" / "Videos" / "Walking.54138969.mp4"
    video.parent.mkdir(parents=True)
    video.write_bytes(b"film")
    (workspace / "h36m" / "data_3d_h36m.npz").write_bytes(b"poses")
    (workspace / "coco").mkdir()
    (workspace / "coco" / "val2017.zip").write_bytes(b"PK")
    (workspace / "coco" / "README.md").write_text("put files here")
    plan(
        workspace,
        data="archives",
        folders={"human36m": "h36m", "coco": "coco", "mpii": "absent"},
    )
    assert raw_images.main([]) == "archives  human36m 1 files  coco 1 files  mpii 0 files"
    listed = json.loads((workspace / "data/source_images/manifest.json").read_text())
    assert list(listed["human36m"]["files"]) == ["S1/Videos/Walking.54138969.mp4"]
    assert listed["human36m"]["files"]["S1/Videos/Walking.54138969.mp4"]["bytes"] == 4
    assert listed["coco"]["folder"] == "coco" and list(listed["coco"]["files"]) == ["val2017.zip"]
    assert listed["mpii"]["files"] == {}


def test_motion_capture_has_no_images(workspace: Path) -> None:
    plan(workspace, data="bvh", folders={})
    assert raw_images.main([]) == "no images: data=bvh comes without images"
    reason = json.loads((workspace / "data/source_images/missing.json").read_text())["reason"]
    assert "bvh" in reason
