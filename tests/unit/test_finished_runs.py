"""A finished training's checkpoints stay until dvc.lock names what came of it."""

import hashlib
from pathlib import Path

import pytest

from pipelines import finished_runs
from pipelines.finished_runs import mark_finished, sweep


@pytest.fixture(params=["folder", "bucket"])
def root(request, tmp_path, monkeypatch) -> str:
    """The place of all runs; the working folder is a checkout."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    monkeypatch.chdir(checkout)
    monkeypatch.setenv("DVC_STAGE", "train_lifter@tiny")
    if request.param == "folder":
        return str(tmp_path / "runs")
    return f"{request.getfixturevalue('s3_store').uri}/runs"


def trained(root: str, name: str, result: str) -> Path:
    """A training with a checkpoint, and the out that came of it."""
    out = Path(f"{name}.json")
    out.write_text(result)
    finished_runs.write_bytes(f"{root}/{name}/000004.ckpt", b"weights")
    mark_finished(f"{root}/{name}", out)
    return out


def left(root: str) -> set[str]:
    return {entry.name.split("/")[0] for entry in finished_runs.listed(root)}


def note(*outs: Path) -> None:
    """What DVC writes at the end of a stage."""
    sums = [hashlib.md5(out.read_bytes()).hexdigest() for out in outs]
    Path("dvc.lock").write_text("".join(f"      md5: {one}\n" for one in sums))


def test_checkpoints_go_once_dvc_has_noted_the_training(root) -> None:
    noted, unnoted = trained(root, "a", "1"), trained(root, "b", "2")
    finished_runs.write_bytes(f"{root}/running/000001.ckpt", b"weights")
    sweep(root)
    assert left(root) == {"a", "b", "running"}
    note(noted)
    sweep(root)
    assert left(root) == {"b", "running"}
    note(noted, unnoted)
    sweep(root)
    assert left(root) == {"running"}


def test_a_training_that_nobody_will_note_goes_after_a_day(root, monkeypatch) -> None:
    trained(root, "a", "1")
    now = finished_runs.time.time()
    monkeypatch.setattr(finished_runs.time, "time", lambda: now + finished_runs.KEPT_S + 1)
    sweep(root)
    assert left(root) == set()


def test_outside_dvc_they_go_at_once(root, monkeypatch) -> None:
    monkeypatch.delenv("DVC_STAGE")
    trained(root, "a", "1")
    assert left(root) == set()


def test_nothing_there_is_nothing_to_sweep(root) -> None:
    sweep(root)
    assert left(root) == set()
