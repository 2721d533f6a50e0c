"""Sections and settings of Darknet's .cfg files, and complaints that name the line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from gsam.errors import DataError

__all__ = ["Section", "read_sections"]


@dataclass(frozen=True)
class Section:
    """`[kind]` at `line` of the file `where`, and the settings below it."""

    kind: str
    line: int
    settings: dict[str, str]
    where: str

    def error(self, problem: str) -> DataError:
        """The error to raise for something wrong in this section."""
        return DataError(f"{self.where}, line {self.line}, [{self.kind}]: {problem}")

    def whole(self, key: str, low: int, high: int, default: int | None = None) -> int:
        """A whole number from `low` to `high`; DataError otherwise, or if it is not there."""
        text = self.settings.get(key, "" if default is None else str(default))
        try:
            value = int(text)
        except ValueError:
            value = low - 1
        if not low <= value <= high:
            found = text or "nothing"
            raise self.error(f"{key} = {found}: expected a whole number from {low} to {high}")
        return value

    def wholes(self, key: str) -> list[int]:
        """Whole numbers between commas; DataError otherwise, or if there are none."""
        text = self.settings.get(key, "")
        try:
            return [int(part) for part in text.split(",")]
        except ValueError as error:
            expected = "expected whole numbers between commas"
            raise self.error(f"{key} = {text or 'nothing'}: {expected}") from error


def read_sections(path: str | Path) -> list[Section]:
    """All sections of a .cfg file in order.

    Raises:
        DataError: no such file, no text, or a line that is neither section nor setting.
    """
    try:
        text = Path(path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not a readable .cfg file ({error})") from error
    sections: list[Section] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        key, equals, value = (part.strip() for part in line.partition("="))
        if line.startswith("["):
            sections.append(Section(line.strip("[] "), number, {}, str(path)))
        elif equals and sections:
            sections[-1].settings[key] = value
        else:
            expected = "expected [section] or key=value"
            raise DataError(f"{path}, line {number}: {line[:60]!r}, {expected}")
    return sections
