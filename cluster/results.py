"""What a job brings home: the files of its checkout that changed, and a page about how it went."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath

from cluster.git import git
from cluster.package import contents
from gsam.errors import DataError

__all__ = ["ARCHIVE", "BUNDLE", "FILES", "REPORT", "Report", "may_travel", "pack", "read_report"]

ARCHIVE = "result.tar.gz"
REPORT = "report.json"
BUNDLE = "experiments.bundle"
FILES = "files/"

_CODE = (".py", ".sh", ".so")
_COMMANDS = ("dvc.yaml", "makefile", "dockerfile")
_ASIDE = ("refs/exps/exec/", "refs/exps/stash", "refs/exps/queue", "refs/exps/apply")


@dataclass
class Report:
    """How a job goes or went; `exit_code` is None while it runs."""

    job: str
    command: list[str]
    exit_code: int | None = None
    stopped: bool = False
    ran: int = 0
    reused: int = 0
    seconds: float = 0.0
    pushed_bytes: int = 0
    files: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)

    @property
    def state(self) -> str:
        """In one word."""
        if self.exit_code is None:
            return "unfinished"
        return "stopped" if self.stopped else "failed" if self.exit_code else "done"


def read_report(text: bytes, where: str) -> Report:
    """A report from its JSON.

    Raises:
        DataError: it is not one, or names files that no job may bring.
    """
    try:
        report = Report(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise DataError(f"{where}: not the report of a job ({error})") from None
    fresh = Report(job="", command=[])
    for name, value in asdict(report).items():
        kind = (int, type(None)) if name == "exit_code" else type(getattr(fresh, name))
        if not isinstance(value, kind) and not (name == "seconds" and isinstance(value, int)):
            raise DataError(f"{where}: {name} = {value!r} of the report has the wrong type")
    for name in [*report.files, *report.deleted]:
        if not may_travel(name):
            raise DataError(f"{where}: refused, no job may change {name!r}")
    return report


def may_travel(name: str) -> bool:
    """Whether a job may bring a file of this name home: a plain path inside the checkout that is
    neither code nor hidden (.git, .dvc, .github, …)."""
    parts = PurePosixPath(name).parts
    if not parts or "\\" in name or "\0" in name or name != "/".join(parts) or name[0] == "/":
        return False
    hidden = [part for part in parts if part.startswith(".") and part != ".gitignore"]
    code = parts[-1].lower().endswith(_CODE) or parts[-1].lower() in _COMMANDS
    return not hidden and not code


def pack(checkout: Path, before: dict[str, str], report: Report, target: Path) -> None:
    """Write the archive of all that is not as it was `before` (SHA-256 by path); completes
    `report` by what that is."""
    now = {name: found for name, found in contents(checkout).items() if may_travel(name)}
    changed = [name for name, found in now.items() if before.get(name) != found]
    report.deleted = sorted(name for name in set(before) - set(now) if may_travel(name))
    report.files = {}
    with tarfile.open(target, "w:gz", compresslevel=6) as packed:
        for name in changed:
            # Read once: a stage at work may write it again.
            content = (checkout / name).read_bytes()
            report.files[name] = hashlib.sha256(content).hexdigest()
            _add(packed, FILES + name, content)
        if bundle := _bundle(checkout):
            _add(packed, BUNDLE, bundle)
        _add(packed, REPORT, json.dumps(asdict(report), indent=1).encode())


def _add(packed: tarfile.TarFile, name: str, content: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    packed.addfile(member, io.BytesIO(content))


def _bundle(checkout: Path) -> bytes | None:
    """The experiments that `dvc exp run` recorded on top of HEAD, if there are any."""
    listed = git(checkout, "for-each-ref", "--format=%(refname)", "refs/exps").decode().split()
    names = [name for name in listed if not name.startswith(_ASIDE)]
    if not names:
        return None
    return git(checkout, "bundle", "create", "-q", "-", *names, "--not", "HEAD")
