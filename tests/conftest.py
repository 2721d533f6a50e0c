"""Where tests find the shared reference material; without it they skip and say so."""

import os
from pathlib import Path

import pytest

pytest_plugins = ("tests.s3_server",)

# No test writes to a user's own store.
for name in ("GSAM_STORE", "GSAM_RUN_STORAGE"):
    os.environ.pop(name, None)

SHARED = Path(__file__).resolve().parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip("../shared (reference material) is absent")
    return SHARED


@pytest.fixture(scope="session")
def oracles(shared: Path) -> Path:
    folder = shared / "oracles"
    if not folder.is_dir():
        pytest.skip("../shared/oracles is absent")
    return folder


@pytest.fixture(scope="session")
def bandai_namco(shared: Path) -> Path:
    folder = shared / "data" / "bandai-namco"
    if not folder.is_dir():
        pytest.skip("../shared/data/bandai-namco is absent")
    return folder
