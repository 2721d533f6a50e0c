"""Every reader answers a damaged file with a value or one line, and does nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fuzz.child import folder_of
from tests.fuzz.readers import BY_NAME
from tests.fuzz.run import FOUND, fuzz

INPUTS, SECONDS, SEED = 60, 0.15, 7


def test_damaged_files_and_those_that_once_broke_a_reader_break_none(tmp_path: Path) -> None:
    reports = list(fuzz(list(BY_NAME), INPUTS, SECONDS, SEED, tmp_path))
    assert {report["reader"]: report["found"] for report in reports if report["found"]} == {}
    assert {report["reader"] for report in reports} == set(BY_NAME)
    for report in reports:
        again = len(list((FOUND / folder_of(report["reader"])).glob("*")))
        assert report["inputs"] >= again
    # Damage that no reader notices would be no damage.
    assert sum(report.get("refused", 0) for report in reports) > len(BY_NAME)
    assert {path.name for path in FOUND.iterdir()} <= set(map(folder_of, BY_NAME))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("return 1", "value"),
        ("raise DataError('a.npz: damaged')", "refused"),
        ("raise KeyError('x')", "KeyError"),
        ("raise DataError('')", "message"),
        ("open(folder / 'written', 'w')", "forbidden"),
        ("open('/etc/hostname').read()", "forbidden"),
        ("os.system('true')", "forbidden"),
        ("bytearray(b'1' * (300 << 20))", "memory"),
        ("bytearray(1 << 44)", "MemoryError"),
        ("while True: pass", "slow"),
    ],
)
def test_what_no_reader_may_do_is_found(code: str, kind: str, tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom gsam.errors import DataError\n"
        "from tests.fuzz import guard\nguard._SECONDS = 1\n"
        f"def read(folder):\n    {code}\n"
        "found = guard.Guard(Path(sys.argv[1])).watch(read, Path(sys.argv[1]))\n"
        "print(getattr(found, 'kind', found))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == kind
    assert not (tmp_path / "written").exists()
