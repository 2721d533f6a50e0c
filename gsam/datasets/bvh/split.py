"""Which files of a BVH folder are takes, and which of them are test takes.

Takes of one content and style are cut from one recording in the order of their numbers: neighbours
look alike, and some overlap in time. A split by chance would put both sides of such a cut on both
sides of the split, so files are never drawn at random. See `assign_splits`.
"""

from __future__ import annotations

import csv
import os
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from gsam.errors import DataError

MANIFEST = "manifest.csv"

_BANDAI_NAMCO = re.compile(r"(dataset-\d+)_([^_]+)_([^_]+)_(\d+)")
_NUMBERED = re.compile(r"(.*?)[ _-]*(\d+)")
_FEWEST_TAKES = 4
_OVERLAPPING = {
    (part, content, "normal", take)
    for part in ("dataset-2",)
    for content in ("walk-turn-left", "walk-turn-right")
    for take in range(27, 36)
}
"""Takes of Bandai-Namco's second part that overlap in time: always together, in training."""


@dataclass(frozen=True, order=True)
class Recording:
    """One file: its path in the folder, part of the collection, content (action), style and
    number."""

    part: str
    content: str
    style: str
    take: int
    file: str
    split: str = ""

    @property
    def name(self) -> str:
        """Name of the take: content, style, number; the content is the text before the first
        space."""
        return " ".join(filter(None, [self.content, self.style, f"{self.take:03d}"]))


def list_recordings(folder: str | os.PathLike[str]) -> list[Recording]:
    """The recordings of a folder, sorted: those of `manifest.csv`, else every .bvh file below.

    The manifest's columns are file and, where a name does not say it, dataset, content, style, take
    and split. Names are read as `dataset-1_walk_happy_002` or as `content 02`.

    Raises DataError for a folder without files, a manifest without the column file, files it names
    that are absent or lie outside, and two files of one name.
    """
    root = Path(folder)
    manifest = root / MANIFEST
    if manifest.is_file():
        found = _from_manifest(manifest)
    else:
        files = sorted(p for p in root.rglob("*") if p.suffix.lower() == ".bvh" and p.is_file())
        found = [_from_name(path.relative_to(root).as_posix()) for path in files]
    if not found:
        raise DataError(f"{folder}: no .bvh files, expected a folder of motion capture")
    names: dict[tuple[str, str], str] = {}
    for recording in found:
        other = names.setdefault((recording.part, recording.name), recording.file)
        if other != recording.file:
            raise DataError(
                f"{folder}: {other} and {recording.file} are both {recording.part} "
                f"{recording.name!r}, expected one file per take"
            )
    return sorted(found)


def _from_name(file: str) -> Recording:
    path = PurePosixPath(file)
    match = _BANDAI_NAMCO.fullmatch(path.stem)
    if match:
        part, content, style, take = match.groups()
        return Recording(part, content, style, int(take), file)
    match = _NUMBERED.fullmatch(path.stem)
    content, take = (match[1], int(match[2])) if match and match[1] else (path.stem, 1)
    part = path.parent.name or "motion"
    return Recording(part, _word(content), "", take, file)


def _word(text: str) -> str:
    # The text before the first space is what per-action tables group by.
    return re.sub(r"\s+", "-", text.strip()) or "motion"


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that no file system takes
        return False


def _from_manifest(path: Path) -> list[Recording]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: not readable as CSV ({error})") from error
    found = []
    for line, row in enumerate(rows, 2):
        file = (row.get("file") or "").strip()
        if not file:
            raise DataError(
                f"{path}: line {line}: no column 'file', expected a path of a .bvh file"
            )
        inside = PurePosixPath(file)
        if inside.is_absolute() or ".." in inside.parts or not _is_file(path.parent / inside):
            raise DataError(f"{path}: line {line}: no file {file!r} in {path.parent}")
        take = (row.get("take") or "").strip()
        if take and not re.fullmatch(r"\d{1,9}", take):
            raise DataError(f"{path}: line {line}: take {take!r}, expected a number")
        split = (row.get("split") or "").strip()
        if split not in ("", "train", "test"):
            raise DataError(f"{path}: line {line}: split {split!r}, expected train or test")
        named = _from_name(file)
        found.append(
            Recording(
                part=(row.get("dataset") or named.part).strip(),
                content=_word(row.get("content") or named.content),
                style=_word(row["style"]) if row.get("style") else named.style,
                take=int(take) if take else named.take,
                file=file,
                split=split,
            )
        )
    return found


def assign_splits(
    recordings: Iterable[Recording], split_by: str, share: float, values: tuple[str, ...]
) -> list[Recording]:
    """The recordings with their split, by one of four rules.

    - `take`: in each part, content and style, the last `share` of the takes by number is the test
      split, so that only one cut per group has neighbours on both sides. Where a content has fewer
      than four takes in every style, its takes of the part's test styles are (see `style`). Takes
      known to overlap stay together in training.
    - `style` or `content`: all takes of the styles or contents `values`; without values, of the
      last `share` of them in alphabetical order, counted in each part.
    - `column`: what the manifest's column split says.

    Raises DataError when a split would be empty.
    """
    items = list(recordings)
    if split_by == "column":
        without = [item.file for item in items if not item.split]
        if without:
            raise DataError(f"{without[0]}: no split in {MANIFEST}, expected train or test")
        tested = {item for item in items if item.split == "test"}
    elif split_by == "take":
        tested = _last_takes(items, share)
    else:
        picked = _last_values(items, split_by, share, values)
        tested = {item for item in items if (item.part, getattr(item, split_by)) in picked}
    assigned = [replace(item, split="test" if item in tested else "train") for item in items]
    for split in ("train", "test"):
        if not any(item.split == split for item in assigned):
            raise DataError(
                f"split_by {split_by}: no take in {split} among {len(items)}, expected another "
                f"rule (take, style, content) or a column split in {MANIFEST}"
            )
    return assigned


def _last_takes(items: list[Recording], share: float) -> set[Recording]:
    contents: dict[tuple[str, str], dict[str, list[Recording]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for item in sorted(items):
        contents[item.part, item.content][item.style].append(item)
    styles = _last_values(items, "style", share, ())
    chosen: set[Recording] = set()
    for (part, _), by_style in contents.items():
        by_number = max(len(takes) for takes in by_style.values()) >= _FEWEST_TAKES
        for style, takes in by_style.items():
            if by_number:
                chosen.update(takes[len(takes) - round(share * len(takes)) :])
            elif (part, style) in styles:
                chosen.update(takes)
    return {
        item
        for item in chosen
        if (item.part, item.content, item.style, item.take) not in _OVERLAPPING
    }


def _last_values(
    items: list[Recording], key: str, share: float, values: tuple[str, ...]
) -> set[tuple[str, str]]:
    """(part, style or content) of test takes."""
    found: dict[str, set[str]] = defaultdict(set)
    for item in items:
        found[item.part].add(getattr(item, key))
    picked: set[tuple[str, str]] = set()
    for part, names in found.items():
        ordered = sorted(names)
        last = ordered[len(ordered) - round(share * len(ordered)) :]
        picked.update((part, name) for name in (names & set(values) if values else last))
    return picked
