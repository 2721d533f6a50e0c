"""Hypothesis damages good files: a reader gives what it promises or one line, and nothing else.

    GSAM_FUZZ_EXAMPLES=2000 python -m pytest -s tests/fuzz/test_properties.py --hypothesis-seed=3

Without the variable the same 40 files of each reader are tried each time. Where a test fails, the
least file that breaks the reader lies where the message says; it belongs in tests/fuzz/found.
"""

from __future__ import annotations

import logging
import os
import time
import warnings
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from gsam.errors import GsamError
from tests.fuzz.promises import PROMISES
from tests.fuzz.readers import BY_NAME
from tests.fuzz.strategies import damaged

LONG = int(os.environ.get("GSAM_FUZZ_EXAMPLES", "0"))
FEW = 40
MOST_SECONDS = 5.0
"""Of processor time, for a file of kilobytes."""

bounded = settings(
    max_examples=LONG or FEW,
    derandomize=not LONG,
    database=None,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.parametrize("name", PROMISES)
def test_a_reader_keeps_its_promise_or_says_one_line(name: str, tmp_path: Path) -> None:
    reader = BY_NAME[name]
    reader.lay(tmp_path)
    PROMISES[name](reader.read(tmp_path))
    path = tmp_path / reader.file
    counts: Counter[str] = Counter()

    @bounded
    @given(damaged(reader))
    def holds(content: bytes) -> None:
        path.write_bytes(content)
        started = time.process_time()
        try:
            PROMISES[name](reader.read(tmp_path))
            counts["value"] += 1
        except GsamError as error:
            counts["refused"] += 1
            line = str(error)
            assert line.strip() and "\n" not in line and len(line) <= 4000, path
        except Exception as error:
            error.add_note(f"the file is {path}")
            raise
        assert time.process_time() - started < MOST_SECONDS, path

    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            holds()
    finally:
        logging.disable(logging.NOTSET)
        print(f"{name:26}", dict(counts))
