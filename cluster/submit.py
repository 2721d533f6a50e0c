"""Run the pipeline on a Ray cluster and bring the results home.

    python -m cluster.submit [options] [-- dvc repro ...]
    python -m cluster.submit -- dvc exp run -n slow -S lr=0.1

Ships this checkout as it lies here, runs `dvc repro` (or `dvc exp run`) on the cluster's head, and
brings dvc.lock, metrics, tables and plots back; models and data stay in the store for `dvc pull`.
Stages that any job on the same store has finished are not run again. GSAM_STORE names the store:
s3://bucket/prefix, or a folder that this machine and all nodes see; its credentials come from the
environment. Ctrl-C stops the job, which saves what it finished; a second one leaves at once.
Exit codes: 0 done, 1 failed, 2 configuration or usage, 3 licensed data missing, 130 Ctrl-C.
"""

from __future__ import annotations

import argparse
import os
import shlex
import sys
import tempfile
import time
from pathlib import Path

from cluster.bring import Brought, bring
from cluster.command import DEFAULT, on_cluster
from cluster.head import DEFAULT_ADDRESS, Head
from cluster.jobs import JOB_VARIABLE, place, register, shared_store, submitted_files
from cluster.package import build, toplevel
from cluster.remote import add_remote
from cluster.results import ARCHIVE
from gsam.errors import DataError, GsamError
from pipelines.object_store import STORE_VARIABLE, exists

__all__ = ["main"]

_CREDENTIALS = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_S3",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
)

INTERRUPTED = 130


class _Unsaved(GsamError):
    """A job brought nothing home; ends with the job's own exit code."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def main(arguments: list[str]) -> int:
    """Submit, follow or fetch; the exit code.

    Raises:
        ConfigError, DataError: usage, the head, the store.
    """
    options = _parser().parse_args(arguments)
    checkout, store = toplevel(Path.cwd()), shared_store()
    if options.fetch:
        return _conclude(store, options.fetch, checkout, time.monotonic())
    address = options.address or os.environ.get("RAY_API_SERVER_ADDRESS") or DEFAULT_ADDRESS
    if options.attach:
        submitted_files(store, options.attach)
        return _follow(Head(address), store, options.attach, checkout)
    command = options.command or list(DEFAULT)
    on_cluster(command, options.jobs)
    job = options.id or time.strftime("gsam-%Y%m%d-%H%M%S")
    place(store, job)
    head = Head(address)
    _submit(head, store, job, checkout, command, options)
    if options.no_wait:
        print(f"follow it with: python -m cluster.submit --attach {job}")
        return 0
    return _follow(head, store, job, checkout)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m cluster.submit",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--address", help=f"Ray's dashboard (default: $RAY_API_SERVER_ADDRESS or {DEFAULT_ADDRESS})"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="rows at a time")
    parser.add_argument("--id", metavar="NAME", help="the job's name (default: by the clock)")
    parser.add_argument("--no-wait", action="store_true", help="submit, and leave")
    parser.add_argument(
        "--send-credentials",
        action="store_true",
        help="give the job this shell's AWS_* variables; Ray's dashboard shows them. Without it the"
        " cluster's nodes have their own",
    )
    parser.add_argument("--attach", metavar="NAME", help="follow a submitted job again")
    parser.add_argument("--fetch", metavar="NAME", help="bring home what a job has saved so far")
    parser.add_argument("command", nargs="*", help="after --: dvc repro …, dvc exp run …")
    return parser


def _submit(
    head: Head,
    store: str,
    job: str,
    checkout: Path,
    command: list[str],
    options: argparse.Namespace,
) -> None:
    """Pack the checkout and start the job."""
    with tempfile.TemporaryDirectory(prefix="gsam-submit-") as folder:
        zipped = Path(folder) / "project.zip"
        package = build(checkout, zipped)
        for name in package.left_out:
            print(f"{name} looks like a secret and stays here")
        register(store, job, package.files)
        given = {STORE_VARIABLE: store, JOB_VARIABLE: job}
        if options.send_credentials:
            given |= {name: os.environ[name] for name in _CREDENTIALS if name in os.environ}
        words = ["exec", "python", "-m", "cluster.job", "--jobs", str(options.jobs), "--"]
        head.submit(job, zipped, " ".join([*words, *map(shlex.quote, command)]), given)
    print(
        f"job {job} at {head.address}: {len(package.files)} files, {_size(package.size)}",
        flush=True,
    )


def _follow(head: Head, store: str, job: str, checkout: Path) -> int:
    """Print the job's output to its end and bring its results home."""
    start = time.monotonic()
    try:
        ended = head.follow(job)
    except KeyboardInterrupt:
        return _interrupt(head, store, job, checkout, start)
    except DataError as error:
        raise DataError(
            f"{error}; finished stages are in {store}: submit the same command again and it goes"
            f" on from there (or --fetch {job} for what there is)"
        ) from None
    if not ended.succeeded and ended.exit_code is None:
        # It never ran, was killed, or lost its node.
        print(f"job {job}: {ended.message}", file=sys.stderr)
    if not ended.succeeded and not exists(place(store, job, ARCHIVE)):
        raise _Unsaved(f"job {job} ended before it saved anything", ended.exit_code or 1)
    code = _conclude(store, job, checkout, start)
    return code if ended.succeeded else code or 1


def _interrupt(head: Head, store: str, job: str, checkout: Path, start: float) -> int:
    """Ctrl-C: have the job save and end; a second one leaves."""
    print(f"\nstopping {job}; it saves what it finished (Ctrl-C again leaves at once)", flush=True)
    try:
        head.stop(job)
        head.wait(job)
        _conclude(store, job, checkout, start)
    except KeyboardInterrupt:
        print(f"\nleft; python -m cluster.submit --fetch {job} brings home what it saves")
    return INTERRUPTED


def _conclude(store: str, job: str, checkout: Path, start: float) -> int:
    """Bring a job's results home and say what came; the job's exit code, 1 if it has none."""
    brought = bring(store, job, checkout)
    fetching = add_remote(checkout, store)
    for line in _summary(brought, time.monotonic() - start, fetching):
        print(line)
    code = brought.report.exit_code
    return 1 if code is None else code


def _summary(brought: Brought, seconds: float, fetching: str) -> list[str]:
    """The closing table."""
    report = brought.report
    how = f", exit code {report.exit_code}" if report.state == "failed" else ""
    rows = [
        ("job", f"{report.job}: {report.state}{how}"),
        ("stages", f"{report.ran} run, {report.reused} taken over"),
        ("time", f"{report.seconds:.0f} s there, {seconds:.0f} s here"),
        ("pushed", f"{_size(report.pushed_bytes)}; {fetching} fetches models and data"),
        ("brought", f"{len(brought.written)} files, {_size(brought.size)}"),
    ]
    if brought.experiments:
        rows.append(("experiments", ", ".join(brought.experiments) + " (dvc exp show)"))
    if brought.problem:
        rows.append(("experiments", brought.problem))
    if brought.kept:
        where = f".gsam/jobs/{report.job}/files"
        names = ", ".join(brought.kept[:5]) + (" …" if len(brought.kept) > 5 else "")
        rows.append(("kept apart", f"{names}: changed here since; the job's are in {where}"))
    return [f"{name:<12}{text}" for name, text in rows]


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.1f} kB"


if __name__ == "__main__":
    try:
        code = main(sys.argv[1:])
    except GsamError as error:
        print(f"submit: {error}", file=sys.stderr)
        code = error.exit_code
    except KeyboardInterrupt:
        code = INTERRUPTED
    raise SystemExit(code)
