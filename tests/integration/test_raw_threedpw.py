"""The stage that makes 3DPW's raw files: the twin's on Ray, whoever films; a list of real ones."""

import json
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from gsam.datasets.threedpw.pickles import read_sequence, sequence_files
from gsam.errors import ConfigError, DataError
from gsam.twin.video import TwinVideoConfig
from gsam.twin.video.sequences import plan_sequences
from pipelines import render_video
from stages import raw_threedpw
from tests.unit.threedpw_fixtures import content, python2, write_sequence
from tests.workspaces import REPOSITORY

VIDEO = {"train": 2, "validation": 1, "test": 2, "seconds": 1.0, "step": 15, "longer_side": 64}


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    # Ray's workers import the project from here.
    monkeypatch.setenv("PYTHONPATH", str(REPOSITORY))
    (tmp_path / "data" / "plan").mkdir(parents=True)
    return tmp_path


def plan(workspace: Path, **content: Any) -> None:
    content = {"video": VIDEO, "folder": "data/raw/threedpw", **content}
    (workspace / "data" / "plan" / "raw_threedpw.json").write_text(json.dumps(content))


@pytest.mark.slow
def test_any_number_of_processes_films_the_same_bytes(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan(workspace, data="twin")
    assert raw_threedpw.main([]) == "twin  5 sequences  10 images"
    made = workspace / "data" / "source_threedpw" / "threedpw"
    other = workspace / "other"
    other.mkdir()
    # One process, and all sequences in one task.
    monkeypatch.setattr(render_video, "SEQUENCES_PER_TASK", 50)
    done = render_video.render_video_twin(other, TwinVideoConfig(**VIDEO), num_cpus=1)
    assert done == {"sequences": 5, "pictures": 10}
    names = sorted(p.relative_to(made).as_posix() for p in made.rglob("*") if p.is_file())
    assert names == sorted(p.relative_to(other).as_posix() for p in other.rglob("*") if p.is_file())
    assert len(names) == 15
    for name in names:
        assert (made / name).read_bytes() == (other / name).read_bytes(), name
    files = sequence_files(made)
    assert [len(files[split]) for split in ("train", "validation", "test")] == [2, 1, 2]
    assert read_sequence(files["test"][0]).poses.shape[1:] == (30, 72)


def test_a_failed_sequence_is_one_line_and_leaves_nothing(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> int:
        raise DataError("no street to film")

    monkeypatch.setattr(render_video, "write_sequence", failing)
    config = TwinVideoConfig(**VIDEO)
    sequence = asdict(plan_sequences(config)[0])
    row = render_video._render({"folder": "x", "config": asdict(config), "plan": sequence})
    assert row == {"pictures": 0, "error": "courtyard_backpack_00: no street to film"}
    monkeypatch.setattr(render_video, "pieces_done", lambda *_: [row])
    monkeypatch.setattr(render_video, "quiet_ray", nullcontext)
    plan(workspace, data="twin")
    with pytest.raises(DataError, match="no street to film"):
        raw_threedpw.main([])
    assert [path.name for path in (workspace / "data").iterdir()] == ["plan"]


def test_wrong_settings_are_refused_before_anything_is_rendered(workspace: Path) -> None:
    plan(workspace, data="twin", video={**VIDEO, "test": 25, "validation": 0})
    with pytest.raises(ConfigError, match=r"validation = 0: expected 1 to 12.*test = 25"):
        raw_threedpw.main([])
    plan(workspace, data="twin", video={**VIDEO, "size": 3})
    with pytest.raises(ConfigError, match="unknown key 'size'"):
        raw_threedpw.main([])
    assert not (workspace / "data" / "source_threedpw").exists()


def test_real_files_are_listed_with_their_hashes(workspace: Path) -> None:
    folder = workspace / "data" / "raw" / "threedpw"
    labels = write_sequence(folder, "test", "flat_guitar_01")
    sound = content()
    # Of joints that are not beside their keypoints the doctor thinks nothing.
    del sound["jointPositions"]
    labels.write_bytes(python2(sound))
    (folder / "README.md").write_text("not data")
    images = [f"imageFiles/flat_guitar_01/image_{frame:05d}.jpg" for frame in range(6)]
    plan(workspace, data="archives")
    assert raw_threedpw.main([]) == "archives  7 files in data/raw/threedpw"
    listed = json.loads((workspace / "data/source_threedpw/manifest.json").read_text())
    assert listed["folder"] == "data/raw/threedpw"
    assert set(listed["files"]) == {"sequenceFiles/test/flat_guitar_01.pkl", *images}
    assert listed["files"][images[0]]["bytes"] == (folder / images[0]).stat().st_size


def test_files_in_which_the_doctor_finds_something_wrong_end_the_stage(workspace: Path) -> None:
    folder = workspace / "data" / "raw" / "threedpw"
    write_sequence(folder, "test", "flat_guitar_01").write_bytes(b"data")
    plan(workspace, data="archives")
    with pytest.raises(DataError, match=r"1 things are wrong.*flat_guitar_01"):
        raw_threedpw.main([])
    assert not (workspace / "data/source_threedpw").exists()


def test_without_the_originals_labels_the_reason_is_written_down(workspace: Path) -> None:
    image = workspace / "data/raw/threedpw/imageFiles/flat_guitar_01/image_00000.jpg"
    image.parent.mkdir(parents=True)
    image.write_bytes(b"data")
    plan(workspace, data="archives")
    assert raw_threedpw.main([]).startswith("no videos: data/raw/threedpw: sequenceFiles missing")
    assert reason(workspace).count("virtualhumans.mpi-inf.mpg.de/3DPW") == 1


def test_motion_capture_has_no_videos(workspace: Path) -> None:
    plan(workspace, data="bvh")
    raw_threedpw.main([])
    assert "data=bvh" in reason(workspace)
    assert [p.name for p in (workspace / "data/source_threedpw").iterdir()] == ["missing.json"]


def reason(workspace: Path) -> str:
    text = json.loads((workspace / "data/source_threedpw/missing.json").read_text())["reason"]
    assert isinstance(text, str)
    return text
