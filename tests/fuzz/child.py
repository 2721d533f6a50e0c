"""One process that feeds damaged files to readers under a guard; started by `tests.fuzz.run`.

    python -m tests.fuzz.child FOLDER SEED INPUTS SECONDS AGAIN READER...

Each reader is first fed the files of the folder AGAIN/<reader>, then INPUTS new ones from SEED, for
SECONDS at most. Prints a line of JSON for each. The file being read lies in FOLDER when the process
dies.
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
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.guard import Finding, Guard
from tests.fuzz.reader import Reader
from tests.fuzz.readers import BY_NAME

__all__ = ["folder_of", "main"]

_KEPT = 5
"""Findings of a reader that are kept; each place in the code counts once."""


def folder_of(reader: str) -> str:
    """What a reader's folder of files is called."""
    return reader.replace(" ", "-")


def main(arguments: list[str]) -> None:
    """Fuzz the readers named."""
    folder, again, seconds = Path(arguments[0]), Path(arguments[4]), float(arguments[3])
    seed, inputs = map(int, arguments[1:3])
    logging.disable(logging.CRITICAL)
    readers = [BY_NAME[name] for name in arguments[5:]]
    warm = [reader for reader in readers if _reads_good(reader, folder / "warm")]
    guard = Guard(folder)
    for reader in warm:
        contents = _contents(reader, seed, inputs, seconds, again / folder_of(reader.name))
        print(json.dumps(_fuzz(reader, guard, folder, contents)), flush=True)


def _reads_good(reader: Reader, folder: Path) -> bool:
    """Read the good file: imports and files that a first reading needs are no damaged file's."""
    try:
        reader.lay(_clean(folder))
        reader.read(folder)
    except Exception as error:
        wrong = [f"good file: {type(error).__name__}: {error}"]
        print(json.dumps({"reader": reader.name, "inputs": 0, "findings": 1, "found": wrong}))
        return False
    return True


def _contents(
    reader: Reader, seed: int, inputs: int, seconds: float, again: Path
) -> Iterator[tuple[str, bytes]]:
    """Name and content of every file that a reader is fed."""
    for path in sorted(again.glob("*")):
        yield path.name, path.read_bytes()
    started = time.monotonic()
    for number in range(inputs):
        if time.monotonic() - started > seconds:
            return
        chance = random.Random(zlib.crc32(f"{reader.name} {seed} {number}".encode()))
        yield f"{seed}-{number}", reader.variant(chance)


def _clean(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _fuzz(
    reader: Reader, guard: Guard, folder: Path, contents: Iterator[tuple[str, bytes]]
) -> dict[str, object]:
    (folder / "now").write_text(reader.name)
    place = _clean(folder / "files")
    reader.lay(place)
    counts: Counter[str] = Counter()
    findings: dict[tuple[str, str], Finding] = {}
    for name, content in contents:
        (place / reader.file).write_bytes(content)
        outcome = guard.watch(reader.read, place)
        if isinstance(outcome, str):
            counts[outcome] += 1
            continue
        counts["findings"] += 1
        if findings.setdefault((outcome.kind, outcome.where), outcome) is outcome:
            kept = folder / "found" / folder_of(reader.name) / name
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
