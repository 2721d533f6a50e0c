"""Clips of Human3.6M's twin are the same bytes whichever layout its folder is in."""

import json
from pathlib import Path

import pytest

from gsam.datasets.human36m.files import TEST_SUBJECTS
from gsam.storage import digest
from gsam.twin import TwinConfig, generate
from gsam.twin.human36m_raw import write_raw_twin
from tests.workspaces import run_stage

STAGES = (("raw",), ("extract",), ("keypoints",), ("preprocess", "archived"))


def clips_of(workspace: Path, folder: Path) -> tuple[str, str]:
    """The hash of the clips that the stages make of a folder of archives, and what `raw` said."""
    plans = {
        "raw": {"data": "archives", "folder": str(folder)},
        "extract": {"data": "archives", "options": {"test_subjects": list(TEST_SUBJECTS)}},
        "keypoints": {"data": "archives", "seed": 0},
    }
    (workspace / "data" / "plan").mkdir(parents=True)
    for name, plan in plans.items():
        (workspace / "data" / "plan" / f"{name}.json").write_text(json.dumps(plan))
    said = ""
    for stage in STAGES:
        done = run_stage(workspace, *stage)
        assert done.returncode == 0, done.stderr
        said = said or done.stdout
    return digest(workspace / "data" / "clips"), said


@pytest.mark.slow
def test_every_layout_gives_the_same_clips(tmp_path: Path) -> None:
    archives = tmp_path / "archives"
    archives.mkdir()
    generate(archives, TwinConfig(frames_per_take=20))
    expected, said = clips_of(tmp_path / "npz", archives)
    assert "VideoPose3D's archives" in said
    for container, words in (("cdf", "CDF"), ("h5", "HDF5")):
        folder = tmp_path / f"original_{container}"
        write_raw_twin(archives, folder, container)
        found, said = clips_of(tmp_path / container, folder)
        assert f"original files ({words})" in said
        assert found == expected
