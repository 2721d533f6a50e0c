"""One process that feeds damaged files to readers under a guard; started by `tests.fuzz.run`.

    python -m tests.fuzz.child FOLDER SEED INPUTS SECONDS READER...

Prints a line of JSON for each reader. The file being read lies in FOLDER when the process dies.
"""

from __future__ import annotations

import json
import logging
import random
import shutil
import sys
import time
import zlib
from collections import Counter
from pathlib import Path

from tests.fuzz.guard import Finding, Guard
from tests.fuzz.reader import Reader
from tests.fuzz.readers import BY_NAME

__all__ = ["main"]

_KEPT = 5
"""Findings of a reader that are kept; each place in the code counts once."""


def main(arguments: list[str]) -> None:
    """Fuzz the readers named."""
    folder, seed, inputs, seconds = Path(arguments[0]), *map(float, arguments[1:4])
    logging.disable(logging.CRITICAL)
    readers = [BY_NAME[name] for name in arguments[4:]]
    for reader in readers:
        # Imports and files that a first reading needs are no fault of a damaged file.
        place = _clean(folder / "warm")
        reader.lay(place)
        reader.read(place)
    guard = Guard(folder)
    for reader in readers:
        print(json.dumps(_fuzz(reader, guard, folder, int(seed), int(inputs), seconds)), flush=True)


def _clean(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _fuzz(
    reader: Reader, guard: Guard, folder: Path, seed: int, inputs: int, seconds: float
) -> dict[str, object]:
    (folder / "now").write_text(reader.name)
    place = _clean(folder / "files")
    reader.lay(place)
    counts: Counter[str] = Counter()
    findings: dict[tuple[str, str], Finding] = {}
    target = place / reader.file
    started = time.monotonic()
    for number in range(inputs):
        if time.monotonic() - started > seconds:
            break
        content = reader.variant(
            random.Random(zlib.crc32(f"{reader.name} {seed} {number}".encode()))
        )
        target.write_bytes(content)
        outcome = guard.watch(reader.read, place)
        if isinstance(outcome, str):
            counts[outcome] += 1
            continue
        counts["findings"] += 1
        if findings.setdefault((outcome.kind, outcome.where), outcome) is outcome:
            kept = folder / "found" / reader.name.replace(" ", "-") / f"{seed}-{number}"
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)
            if len(findings) == _KEPT:
                break
    return {
        "reader": reader.name,
        "inputs": counts.total(),
        **counts,
        "found": [f"{one.kind} at {one.where}: {one.words}" for one in findings.values()],
    }


if __name__ == "__main__":
    main(sys.argv[1:])
