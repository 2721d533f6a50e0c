"""`dvc repro`, with rows of the tables side by side and what a kill damaged put right first.

    python -m cluster.repro [--jobs N] [--pull] [--force] [stage ...]

With `--jobs 1`, the default, DVC runs the stages one after another as ever. With more, stages that
do not depend on each other run at once, each still its own DVC stage; one that fails takes along
only what depends on it. Results, and dvc.lock, are the same bytes. GPUs are shared out among the
jobs; rows that train on Ray's workers (`workers` in params.yaml) share one Ray.

Exit codes: 0 done, 1 failed, 2 configuration or usage, 3 licensed data missing (the first stage's
that failed), 130 stopped by Ctrl-C: what is finished is kept, the rest goes on where it was.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from cluster.children import Children
from cluster.dvc_run import INTERRUPTED
from cluster.graph import Graph, read_graph
from cluster.lockfile import heal, settled
from cluster.rows import Rows
from cluster.slots import slots
from cluster.transcript import Outcome
from gsam.errors import ConfigError, GsamError

LOOKS = 3


def main(arguments: list[str]) -> int:
    """Rebuild what the arguments ask for; the exit code.

    Raises:
        ConfigError: there is no dvc.yaml, or DVC cannot read it, or knows no such stage.
    """
    asked = _parse(arguments)
    if not Path("dvc.yaml").exists():
        raise ConfigError("no dvc.yaml here; expected the project's folder")
    for line in heal():
        print(f"repro: {line}", file=sys.stderr, flush=True)
    children = Children()
    with children.stopped_by_signals():
        if asked.jobs == 1:
            options = [f"--{name}" for name in ("pull", "force") if vars(asked)[name]]
            return children.run(["--wait-for-lock", "repro", *options, *asked.stages])
        return _at_once(asked, children)


def _at_once(asked: argparse.Namespace, children: Children) -> int:
    """Run stages side by side; the exit code."""
    options = ["--force"] if asked.force else []
    if asked.pull:
        # All at once, instead of a stage's outs before each stage.
        lines: list[str] = []
        depth = ["--with-deps"] if asked.stages else []
        fetch = ["--wait-for-lock", "pull", "--run-cache", "--allow-missing", *depth]
        if children.run([*fetch, *asked.stages], hear=lines.append):
            reason = next((line for line in reversed(lines) if line.strip()), "no reason given")
            print(f"repro: not everything could be fetched ({reason})", file=sys.stderr)
        options.append("--pull")
    if children.stopping:
        return INTERRUPTED
    graph = _graph(asked.stages, asked.force)
    if not graph.stale:
        settled(graph.stages)
        print(f"{len(graph.stages)} stages are up to date")
        return 0
    with slots(asked.jobs, _workers()) as environments, children.stopped_by_signals():
        outcomes = Rows(graph, children, options).run(environments)
    _show(outcomes, len(graph.stages))
    if children.stopping:
        return INTERRUPTED
    return next((outcome.code for outcome in outcomes if outcome.code), 0)


def _graph(stages: list[str], force: bool) -> Graph:
    """The stages; asked for again where DVC's table of locks was damaged after all: what an earlier
    run left behind may still be writing it down that it ends."""
    for _ in range(LOOKS):
        try:
            return read_graph(stages, force)
        except ConfigError as error:
            if "rwlock" not in str(error):
                raise
        time.sleep(1.0)
        heal()
    return read_graph(stages, force)


def _show(outcomes: Sequence[Outcome], total: int) -> None:
    """The closing table, and how many stages were up to date."""
    outcomes = [outcome for outcome in outcomes if outcome.result != "up to date"]
    width = max((len(outcome.stage) for outcome in outcomes), default=5)
    print(f"\n{'stage':{width}}  {'outcome':13}  seconds")
    for outcome in outcomes:
        result = outcome.result + (f" ({outcome.code})" if outcome.code else "")
        print(f"{outcome.stage:{width}}  {result:13}  {outcome.seconds:7.1f}")
    print(f"{total - len(outcomes)} more up to date", flush=True)


def _workers() -> int:
    """How many of Ray's workers a row trains on, by params.yaml."""
    path = Path("params.yaml")
    params = yaml.safe_load(path.read_text()) if path.exists() else None
    workers = params.get("workers", 0) if isinstance(params, dict) else 0
    # What it may be, the plan stage checks and says.
    return workers if isinstance(workers, int) and workers > 0 else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m cluster.repro",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("-j", "--jobs", type=_count, default=1, help="stages at once (default: 1)")
    parser.add_argument("--pull", action="store_true", help="fetch what the DVC remote has")
    parser.add_argument("-f", "--force", action="store_true", help="run what is up to date, too")
    parser.add_argument("stages", nargs="*", metavar="stage", help="what to rebuild (default: all)")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of jobs; expected 1 or more")
    return int(text)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except GsamError as error:
        print(f"repro: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
