"""Fuzz readers guided by coverage, with atheris (requirements-fuzz.lock); `make fuzz` runs it.

    python -m tests.fuzz.guided [--seconds 10] [--corpus .gsam/fuzz] [READER ...]

One process per reader. What reaches new code is kept in the corpus, and the next run starts from
it; a file that breaks a reader is kept in <corpus>/found/<reader>: put it into tests/fuzz/found,
where every test run feeds it to the reader again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_WATCHED = ["gsam", "zipfile", "pickle", "json", "csv", "yaml", "tarfile"]
"""Modules whose branches count as coverage."""
_LARGEST = 1 << 20


def one(name: str, seconds: int, corpus: Path) -> None:
    """Fuzz one reader in this process, which libFuzzer then ends."""
    import atheris

    with atheris.instrument_imports(include=_WATCHED):
        from tests.fuzz.child import folder_of
        from tests.fuzz.guard import Finding, Guard
        from tests.fuzz.readers import BY_NAME

    reader = BY_NAME[name]
    kept = corpus / folder_of(name)
    kept.mkdir(parents=True, exist_ok=True)
    (kept / "good").write_bytes(reader.good)
    folder = Path(tempfile.mkdtemp(prefix="gsam-fuzz-"))
    reader.lay(folder)
    reader.read(folder)
    guard, seen = Guard(folder), Counter[str]()

    def test(content: bytes) -> None:
        (folder / reader.file).write_bytes(content)
        outcome = guard.watch(reader.read, folder)
        if not isinstance(outcome, Finding):
            return
        words = f"{outcome.kind} at {outcome.where}: {outcome.words}"
        place = f"{outcome.kind} at {outcome.where}"
        seen[place] += 1
        if seen[place] == 1:
            print(f"FOUND {json.dumps(words)}", file=sys.stderr, flush=True)
            found = corpus / "found" / folder_of(name)
            found.mkdir(parents=True, exist_ok=True)
            (found / re.sub(r"\W+", "-", place)[:80]).write_bytes(content)

    def mutate(content: bytes, largest: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if chance.random() < 0.4:
            return bytes(atheris.Mutate(content, largest))
        return reader.variant(chance, None if chance.random() < 0.5 else content)[:largest]

    options = [
        f"-max_total_time={seconds}",
        f"-max_len={_LARGEST}",
        "-timeout=60",
        "-print_final_stats=1",
    ]
    options += [
        "-timeout=60",
        "-rss_limit_mb=4096",
        f"-artifact_prefix={corpus / 'found'}/{folder_of(name)}-",
    ]
    atheris.Setup([sys.argv[0], *options, str(kept)], test, custom_mutator=mutate)
    atheris.Fuzz()


def report(name: str, seconds: int, corpus: Path) -> dict[str, Any]:
    """Run `one` in a process of its own; inputs tried, paths new since its beginning, findings."""
    command = [sys.executable, "-m", "tests.fuzz.guided", "--seconds", str(seconds)]
    (corpus / "found").mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [*command, "--corpus", str(corpus), "--one", name],
        capture_output=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    text = done.stderr.decode(errors="replace")
    found = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("FOUND ")]
    if done.returncode:
        found.append(f"ended with {done.returncode}: {text[-200:]}")

    def number(pattern: str) -> int:
        numbers = re.findall(pattern, text)
        return int(numbers[-1]) if numbers else 0

    return {
        "reader": name,
        "inputs": number(r"stat::number_of_executed_units: (\d+)"),
        "paths": number(r"stat::new_units_added: +(\d+)"),
        "coverage": number(r"cov: (\d+)"),
        "found": found,
    }


def main(arguments: Sequence[str]) -> int:
    """Print a table of all reports; 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.guided", description=__doc__)
    parser.add_argument("readers", nargs="*", metavar="READER")
    parser.add_argument("--seconds", type=int, default=10, help="for each reader")
    parser.add_argument("--corpus", type=Path, default=Path(".gsam/fuzz"))
    parser.add_argument("--one", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    corpus = options.corpus.absolute()
    if options.one:
        one(options.one, options.seconds, corpus)
        return 0
    from tests.fuzz.readers import BY_NAME

    found = 0
    print(f"{'reader':26}{'inputs':>9}{'new paths':>11}{'branches':>10}{'findings':>10}")
    for name in options.readers or BY_NAME:
        row = report(name, options.seconds, corpus)
        figures = (row["inputs"], row["paths"], row["coverage"], len(row["found"]))
        print("{:26}{:9}{:11}{:10}{:10}".format(name, *figures), flush=True)
        for line in row["found"]:
            print(f"    {line}")
        found += len(row["found"])
    return 1 if found else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
