"""An object store that becomes read-only, full or unreachable during a training."""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.drills import lifter_bytes, note, nothing_half_written, stage
from tests.faulty_proxy import FaultyProxy
from tests.s3_server import Store
from tests.workspaces import make_workspace, run_stage, with_training

pytestmark = [pytest.mark.drill, pytest.mark.slow]

EPOCHS, FAULT = 12, 6
RUN = with_training(epochs=EPOCHS)
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "read-only": ({"method": "PUT|POST", "status": 403}, "may not"),
    "full": ({"method": "PUT|POST", "status": 507}, "full"),
    "unreachable": ({"drop_after": 0}, "reach"),
    "overloaded (503)": ({"method": "PUT|POST", "status": 503}, "overloaded"),
}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_workspace(tmp_path_factory.mktemp("undisturbed"), RUN)
    done = run_stage(folder, "train_lifter", "tiny")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_that_fails_costs_time_and_nothing_else(
    fault: str, tmp_path: Path, undisturbed: Path, s3_store: Store, s3_proxy: FaultyProxy
) -> None:
    rule, words = FAULTS[fault]
    folder = make_workspace(tmp_path, RUN)
    training = stage(folder, "train_lifter", "tiny")
    # Before the training's own writes comes nothing else: so many checkpoints are kept.
    training.until(lambda: puts(s3_proxy) >= FAULT)
    s3_proxy.rule(**rule)
    failed = training.end()
    assert failed.code == 1, failed.output
    assert failed.output.count("\n") == 1 and failed.error.startswith("train_lifter@tiny: ")
    assert words in failed.error, failed.error
    assert nothing_half_written(folder)

    s3_proxy.clear()
    before = puts(s3_proxy)
    again = stage(folder, "train_lifter", "tiny").end()
    assert again.code == 0, again.output
    assert puts(s3_proxy) - before <= EPOCHS - FAULT + 1, "finished epochs were trained again"
    assert lifter_bytes(folder) == lifter_bytes(undisturbed)
    note(
        f"object store {fault}",
        f"after {FAULT} of {EPOCHS} checkpoints",
        f"exit 1 after {failed.seconds:.1f} s, one line; the rerun goes on",
        again.seconds,
    )


def puts(proxy: FaultyProxy) -> int:
    """Checkpoints that were sent."""
    return sum(method == "PUT" and ".ckpt" in path for method, path in proxy.calls)
