"""SIGKILL during detection: run again, finished shards are kept and the bytes are the same."""

from pathlib import Path

import pytest

from gsam.storage import digest
from tests.detect_workspace import make_workspace
from tests.workspaces import kill_when, run_stage

FRAMES = 150
"""Of each of two cameras and three takes: 29 shards of 16 batches of two pictures."""


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A workspace whose detection was not disturbed."""
    folder = make_workspace(tmp_path_factory.mktemp("undisturbed"), frames=FRAMES)
    done = run_stage(folder, "detect", "tiny")
    assert done.returncode == 0, done.stderr
    assert not list((folder / ".gsam/detect").iterdir())
    return folder


def shards(folder: Path) -> dict[str, int]:
    """Finished shards and when each was written."""
    return {p.name: p.stat().st_mtime_ns for p in (folder / ".gsam/detect").glob("*/*.shard")}


def kill_after(folder: Path, count: int) -> bool:
    """Kill the detection when so many shards are there; whether it still ran."""
    return kill_when(folder, "detect", "tiny", lambda: len(shards(folder)) >= count)


def test_a_killed_detection_goes_on_and_ends_with_the_same_bytes(tmp_path, undisturbed) -> None:
    folder = make_workspace(tmp_path, frames=FRAMES)
    kept: dict[str, int] = {}
    for count in (1, 12):
        assert kill_after(folder, count)
        now = shards(folder)
        assert len(now) >= count
        assert {name: now[name] for name in kept} == kept, "finished shards were made again"
        # No half-written out.
        assert not (folder / "data/keypoints/tiny").exists()
        kept = now
    done = run_stage(folder, "detect", "tiny")
    assert done.returncode == 0, done.stderr
    keypoints = "data/keypoints/tiny"
    assert digest(folder / keypoints) == digest(undisturbed / keypoints)
    assert not list((folder / ".gsam/detect").iterdir())
