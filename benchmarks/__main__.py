"""Measure speed and memory and print plain tables.

    python -m benchmarks [NAME ...] [options]

NAME: gemm, lifters, scoring, windows, preprocess, startup, render, detectors, detect,
part_attention (default: all of these); scaling, ingest, capacity (`make bench-scaling`).
--quick rehearses with tiny sizes, whose numbers mean nothing. --rounds N and --seconds S: how often
and how long every case is measured. --compiled: also train by torch.compile (minutes more).
--threads N: of torch (default: all cores). --json PATH: also write the tables to a file.
"""

from __future__ import annotations

import argparse
import importlib
import os
import platform
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.harness import FULL, QUICK, Table
from gsam.storage import write_json

BENCHMARKS = (
    "gemm",
    "lifters",
    "scoring",
    "windows",
    "preprocess",
    "startup",
    "render",
    "detectors",
    "detect",
    "part_attention",
)
SCALING = ("scaling", "ingest", "capacity")
"""Run only where they are named: minutes of trainings on workers, and a paper calculation."""


def main() -> None:
    """Run the named benchmarks; each table is printed as soon as it is measured."""
    parser = argparse.ArgumentParser(prog="benchmarks", description="Measure speed and memory.")
    known = BENCHMARKS + SCALING
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(known)}")
    parser.add_argument("--quick", action="store_true", help="tiny sizes; the numbers mean nothing")
    parser.add_argument("--rounds", type=int, metavar="N", help="turns of every case")
    parser.add_argument("--seconds", type=float, metavar="S", help="of every case in every turn")
    parser.add_argument("--compiled", action="store_true", help="also train by torch.compile")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of torch")
    parser.add_argument("--json", type=Path, metavar="PATH", help="also write the tables to a file")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.names if name not in known]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; expected some of {', '.join(known)}")
    effort = QUICK if arguments.quick else FULL
    effort = replace(
        effort,
        rounds=arguments.rounds or effort.rounds,
        seconds=arguments.seconds or effort.seconds,
        compiled=arguments.compiled,
    )
    torch.set_num_threads(arguments.threads)
    machine = _machine()
    print("; ".join(f"{key} {value}" for key, value in machine.items()))
    print("median (least-most) of the rounds", flush=True)
    tables: list[Table] = []
    for name in arguments.names or BENCHMARKS:
        module = importlib.import_module(f"benchmarks.{name}")
        for table in module.run(effort):
            print(f"\n{table.text()}", flush=True)
            tables.append(table)
    if arguments.json:
        content = {"machine": machine, "tables": [table.as_dict() for table in tables]}
        write_json(arguments.json, content)


def _machine() -> dict[str, str | int]:
    """What the numbers depend on."""
    return {
        "cores": os.cpu_count() or 1,
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "features": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }


if __name__ == "__main__":
    main()
