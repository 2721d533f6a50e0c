"""Bringing a job's results into a checkout: nothing outside it, nothing over a newer edit."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

from cluster.jobs import place, submitted_files
from cluster.package import digest
from cluster.results import ARCHIVE, BUNDLE, FILES, REPORT, Report, read_report
from gsam.errors import DataError
from gsam.storage import atomic_path
from pipelines.object_store import NotThere, get_file

__all__ = ["KEPT", "Brought", "bring"]

KEPT = Path(".gsam/jobs")
"""Where a checkout keeps what its jobs brought, one folder each."""

LIMIT_BYTES = 1 << 30


@dataclass
class Brought:
    """What came: the job's report, the files written and removed, those kept apart because they
    changed here since the job was submitted, and the experiments by name."""

    report: Report
    size: int
    written: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    experiments: list[str] = field(default_factory=list)
    problem: str = ""


def bring(store: str, job: str, checkout: Path) -> Brought:
    """Fetch what a job saved last and put it into `checkout`.

    Raises:
        ConfigError: there is no such job.
        DataError: it has saved nothing yet, its archive is damaged or holds what no job may bring
            (then nothing is written), or the store or the disk fails.
    """
    before = submitted_files(store, job)
    folder = checkout / KEPT / job
    archive = folder / ARCHIVE
    try:
        get_file(place(store, job, ARCHIVE), archive)
    except NotThere:
        raise DataError(f"job {job} has saved nothing yet") from None
    report, contents = _read(archive)
    _check_links(checkout, [*report.files, *report.deleted])
    brought = Brought(report, archive.stat().st_size)
    shutil.rmtree(folder / FILES, ignore_errors=True)
    # dvc.lock last: it speaks of the other files.
    for name in sorted(report.files, key=lambda name: (name == "dvc.lock", name)):
        _write(checkout, folder, name, contents[name], before.get(name), brought)
    if report.exit_code == 0:
        for name in report.deleted:
            _remove(checkout / name, before.get(name))
    if BUNDLE in contents:
        _fetch_experiments(checkout, folder, contents[BUNDLE], brought)
    return brought


def _read(archive: Path) -> tuple[Report, dict[str, bytes]]:
    """The report and every file of an archive, checked against each other."""
    contents: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(archive, "r:gz") as packed:
            for member in packed:
                size += member.size
                if not member.isreg() or size > LIMIT_BYTES:
                    raise DataError(f"{archive}: refused, {member.name!r} is no plain small file")
                stream = packed.extractfile(member)
                contents[member.name] = stream.read() if stream else b""
    except (tarfile.TarError, OSError, EOFError, ValueError) as error:
        raise DataError(f"{archive}: not a readable .tar.gz ({error})") from None
    report = read_report(contents.pop(REPORT, b""), str(archive))
    files = {name: contents.pop(FILES + name, None) for name in report.files}
    if unexpected := set(contents) - {BUNDLE}:
        raise DataError(f"{archive}: refused, {min(unexpected)!r} is not in its report")
    for name, content in files.items():
        if content is None or hashlib.sha256(content).hexdigest() != report.files[name]:
            raise DataError(f"{archive}: {name} is not what its report says")
    return report, contents | {name: c for name, c in files.items() if c is not None}


def _check_links(checkout: Path, names: list[str]) -> None:
    """Nothing is written through a link, which may lead out of the checkout."""
    for name in names:
        path = checkout / name
        for step in (path, *path.parents):
            if step == checkout:
                break
            if step.is_symlink():
                raise DataError(f"{name}: refused, {step} is a link")


def _write(
    checkout: Path, folder: Path, name: str, content: bytes, before: str | None, brought: Brought
) -> None:
    """Write one file where it belongs, or aside where that is no longer what the job began with."""
    here = _digest(checkout / name)
    if here == brought.report.files[name]:
        return
    if here == before:
        target = checkout / name
        brought.written.append(name)
    else:
        target = folder / FILES / name
        brought.kept.append(name)
    try:
        with atomic_path(target) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise DataError(f"{target} cannot be written: {error.strerror}") from None


def _remove(path: Path, before: str | None) -> None:
    if before is not None and _digest(path) == before:
        path.unlink()


def _digest(path: Path) -> str | None:
    """SHA-256 of a file; None where there is none, and of a folder nothing that a job knows."""
    if path.is_dir():
        return ""
    return digest(path) if path.exists() else None


def _fetch_experiments(checkout: Path, folder: Path, bundle: bytes, brought: Brought) -> None:
    """Let git, and so `dvc exp show`, know the job's experiments."""
    path = folder / BUNDLE
    path.write_bytes(bundle)
    words = ["git", "fetch", "-q", "--no-tags", str(path), "refs/exps/*:refs/exps/*"]
    # No hook of this checkout's is the job's to start.
    words[1:1] = ["-c", f"core.hooksPath={os.devnull}"]
    done = subprocess.run(words, cwd=checkout, capture_output=True, text=True)
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["git fetch failed"])[-1]
        brought.problem = f"experiments stay in {path.relative_to(checkout)}: {said}"
        return
    listed = subprocess.run(
        ["git", "bundle", "list-heads", str(path)], cwd=checkout, capture_output=True, text=True
    )
    brought.experiments = [line.rsplit("/", 1)[-1] for line in listed.stdout.splitlines()]
