"""The head's power fails during a submitted job: submitted again, it goes on where it was."""

import re
import sys
import time
from pathlib import Path

import pytest

from tests.cluster_rig import Rig, clean_environment
from tests.faults.drills import Running, lock_entries, note
from tests.integration.test_end_to_end import TINY, Clone
from tests.workspaces import REPOSITORY

pytestmark = [pytest.mark.drill, pytest.mark.slow]

TARGET = "train_lifter@main"
EPOCHS = 60
FINISHED = 4
"""Stages before the training, at least."""


def tiny(folder: Path) -> Clone:
    """A clone whose `main` trains for a while, on two workers."""
    folder.mkdir()
    made = Clone(folder)
    scale = TINY.replace("{epochs: 4, batch_size: 64,", f"{{epochs: {EPOCHS}, batch_size: 64,")
    (folder / "conf/scale/tiny.yaml").write_text(scale)
    made.edit(workers=2)
    made.environment["OMP_NUM_THREADS"] = "1"
    made.commit("two workers")
    return made


def submit(clone: Clone, rig: Rig, store: Path) -> Running:
    """What a user types."""
    words = [sys.executable, "-m", "cluster.submit", "--address", rig.dashboard]
    variables = clean_environment() | {"GSAM_STORE": str(store)}
    return Running([*words, "--", "dvc", "repro", TARGET], clone.folder, variables)


def test_a_head_that_dies_during_a_job(tmp_path: Path) -> None:
    undisturbed = tiny(tmp_path / "undisturbed")
    undisturbed.run("dvc", "repro", TARGET)

    clone = tiny(tmp_path / "submitted")
    with Rig(hidden=[REPOSITORY]) as rig:
        print(f"\n{rig.kind}")
        rig.start_head()
        rig.start_node()
        store = rig.shared / "store"
        first = submit(clone, rig, store)
        checkpoints = set[str]()

        def trained() -> bool:
            checkpoints.update(path.name for path in store.glob("runs/*/checkpoint_*"))
            return len(checkpoints) >= 8

        first.until(trained)
        rig.head.lose()
        rig.nodes["second"].lose()
        first.fault = time.monotonic()
        failed = first.end()
        assert failed.code == 1, failed.output
        assert "submit the same command again" in failed.error, failed.output

        assert list(store.glob("runs/*/checkpoint_*")), "no checkpoint to go on from"
        rig.start_head()
        rig.start_node()
        again = submit(clone, rig, store).end()
        assert again.code == 0, again.output
        # What came home is whole: models come by `dvc pull`, and nothing is left to run.
        clone.run("dvc", "pull", "--with-deps", TARGET)
        assert "Running stage" not in clone.run("dvc", "repro", TARGET)
    run, taken = map(int, re.findall(r"(\d+) run, (\d+) taken over", again.output)[-1])
    assert taken >= FINISHED, again.output
    assert lock_entries(clone.folder) == lock_entries(undisturbed.folder)
    note(
        "head during a job",
        f"training, after 8 checkpoints of {EPOCHS}",
        f"client: exit 1 after {failed.seconds:.0f} s, one line; submitted again: {taken} stages"
        f" taken over, {run} run",
        again.seconds,
    )
