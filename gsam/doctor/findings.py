"""What the doctor found: one finding per file or group of files, and the report they make."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from gsam.errors import DataError, LicensedDataMissing

__all__ = [
    "ABSENT",
    "MISSING",
    "NOTE",
    "OK",
    "WRONG",
    "Faults",
    "Finding",
    "Progress",
    "Report",
    "listed",
    "quiet",
]

OK, NOTE, ABSENT, MISSING, WRONG = "ok", "note", "absent", "MISSING", "WRONG"
"""Fine; fine but worth knowing; not there and not needed; not there but needed; not usable."""

EXIT_CODES = {WRONG: DataError.exit_code, MISSING: LicensedDataMissing.exit_code}

Progress = Callable[[Sequence[Any], str], Iterable[Any]]
"""Called with items and what is done with them; yields the items, maybe under a bar."""


def quiet(items: Sequence[Any], description: str) -> Iterable[Any]:
    """A progress that shows nothing."""
    return items


@dataclass(frozen=True)
class Finding:
    """`what` (a file or group of files, relative to the folder) is `status`, as `text` says."""

    status: str
    what: str
    text: str


@dataclass
class Report:
    """Everything found in one dataset's folder."""

    dataset: str
    title: str
    folder: Path
    findings: list[Finding] = field(default_factory=list)

    def add(self, status: str, what: str, text: str) -> None:
        """Note one finding; the folder's own name is left out of what readers say."""
        text = text.removeprefix(f"{self.folder}: ").replace(f"{self.folder}/", "")
        text = text.removeprefix(f"{what}: ")
        # As errors do: one printable line, whatever a damaged file or its name holds.
        what, text = str(DataError(what)), str(DataError(text))
        self.findings.append(Finding(status, what, text))

    @contextmanager
    def checking(self, what: str) -> Iterator[None]:
        """A reader's error becomes a finding: missing where it says so, else wrong."""
        try:
            yield
        except LicensedDataMissing as error:
            self.add(MISSING, what, str(error))
        except DataError as error:
            self.add(WRONG, what, str(error))

    def statuses(self) -> set[str]:
        """The statuses that occur."""
        return {finding.status for finding in self.findings}

    @property
    def exit_code(self) -> int:
        """0 fine, 1 something is wrong, 3 something needed is missing."""
        return next((code for status, code in EXIT_CODES.items() if status in self.statuses()), 0)

    def text(self, width: int = 100) -> str:
        """A table: the dataset and its folder, then a line or more per finding."""
        lines = [f"{self.title}  {self.folder}"]
        room = max((len(finding.what) for finding in self.findings), default=0)
        room = min(room, 38)
        last = ""
        for finding in self.findings:
            what = "" if finding.what == last else finding.what
            last = finding.what
            head = f"  {finding.status:8}{what:{room}}  "
            indent = " " * (12 + room)
            if len(what) > room:
                lines.append(head.rstrip())
                head = indent
            lines += textwrap.wrap(
                head + finding.text,
                width,
                subsequent_indent=indent,
                drop_whitespace=True,
                break_long_words=False,
                break_on_hyphens=False,
            )
        return "\n".join(lines)

    def record(self) -> dict[str, Any]:
        """The same for machines."""
        return {
            "dataset": self.dataset,
            "title": self.title,
            "folder": self.folder.as_posix(),
            "exit_code": self.exit_code,
            "findings": [asdict(finding) for finding in self.findings],
        }


class Faults:
    """What is wrong in many places of one file, told once per kind of fault."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[str, list[str]]] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def add(self, text: str, place: str) -> None:
        """Note a fault; texts that differ in numbers alone are one kind."""
        kind = re.sub(r"[\d.]+", "#", text)
        self._found.setdefault(kind, (text, []))[1].append(place)

    @contextmanager
    def catching(self, place: str) -> Iterator[None]:
        """A reader's error becomes a fault; the place may begin the reader's message."""
        try:
            yield
        except DataError as error:
            self.add(str(error).removeprefix(place).lstrip(": "), place)

    def tell(self, report: Report, what: str, status: str = "WRONG", most: int = 8) -> None:
        """Add the faults to a report, the kinds found first before all others."""
        for text, places in list(self._found.values())[:most]:
            number = f"{len(places)} times: " if len(places) > 1 else ""
            report.add(status, what, f"{text} ({number}{listed(places)})")
        if len(self._found) > most:
            report.add(status, what, f"and {len(self._found) - most} other kinds of fault")


def listed(items: Sequence[object], most: int = 4) -> str:
    """`a, b, c, d and 7 more`."""
    shown = ", ".join(str(item) for item in items[:most])
    return f"{shown} and {len(items) - most} more" if len(items) > most else shown
