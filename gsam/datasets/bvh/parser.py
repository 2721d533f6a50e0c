"""BVH files: a joint hierarchy with channels per joint, and one row of channel values per frame.

The grammar is read token by token (any whitespace, CRLF, any letter case); whatever breaks it is a
DataError with file and line, because motion capture is shared as files that tools cut and re-save.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gsam.errors import DataError

CHANNELS = {
    f"{axis}{kind}": (kind, index)
    for kind in ("position", "rotation")
    for index, axis in enumerate("xyz")
}
"""Channel name in lower case to its kind and axis."""

_TOKEN = re.compile(rb"[{}]|[^\s{}]+")
_MOTION = re.compile(rb"\s*frames\s*:\s*(\S+)\s+frame\s*time\s*:\s*(\S+)", re.IGNORECASE)
_COUNT = re.compile(rb"\d{1,9}")
_MAX_JOINTS = 10_000


@dataclass(frozen=True)
class Motion:
    """One BVH file: J joints (end sites among them, as `<parent> end`), C channels, T frames.

    `parents` is -1 for the root and comes before its children; `offsets` (J, 3) in the file's
    units; `channels` lists each joint's channel names in lower case in file order; `values` (T, C)
    holds them for all joints one after the other, positions in the file's units and rotations in
    degrees; `frame_time` is in seconds.
    """

    path: str
    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: NDArray[np.float64]
    channels: tuple[tuple[str, ...], ...]
    frame_time: float
    values: NDArray[np.float64]

    @property
    def first_columns(self) -> list[int]:
        """Column of `values` in which each joint's channels begin."""
        return [0, *np.cumsum([len(names) for names in self.channels])[:-1].tolist()]


def parse_bvh(path: str | os.PathLike[str]) -> Motion:
    """Read a BVH file.

    Raises DataError that names the file, the line or frame and what was expected: for anything that
    breaks the grammar, a number of values that does not match the frames, and values that are not
    finite numbers.
    """
    try:
        data = Path(path).read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    hierarchy = _Hierarchy(str(path), data)
    motion_at = hierarchy.read()
    found = _MOTION.match(data, motion_at)
    if found is None:
        line = data.count(b"\n", 0, motion_at) + 1
        raise DataError(f"{path}: line {line}: expected 'Frames: N' and 'Frame Time: seconds'")
    where = f"{path}: line {data.count(chr(10).encode(), 0, found.start(1)) + 1}"
    frames = _count(found[1], f"{where}: Frames", 1)
    frame_time = _number(found[2], f"{where}: Frame Time")
    if not 1e-4 <= frame_time <= 10:
        raise DataError(f"{where}: Frame Time {frame_time}, expected seconds from 0.0001 to 10")
    width = sum(len(names) for names in hierarchy.channels)
    return Motion(
        path=str(path),
        names=tuple(hierarchy.names),
        parents=tuple(hierarchy.parents),
        offsets=np.array(hierarchy.offsets),
        channels=tuple(hierarchy.channels),
        frame_time=frame_time,
        values=_values(str(path), data, found.end(), frames, width),
    )


@dataclass
class _Hierarchy:
    """Reads the part before MOTION; an explicit stack, so that depth cannot exhaust Python's."""

    path: str
    data: bytes
    names: list[str] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    offsets: list[list[float]] = field(default_factory=list)
    channels: list[tuple[str, ...]] = field(default_factory=list)
    position: int = 0

    def __post_init__(self) -> None:
        self.tokens: Iterator[re.Match[bytes]] = _TOKEN.finditer(self.data)
        self._known: set[str] = set()

    def read(self) -> int:
        """Fill the lists; returns the position after the word MOTION."""
        self._expect("hierarchy")
        self._expect("root")
        open_joints = [self._open_joint(-1)]
        while open_joints:
            word = self._next("JOINT, End Site, OFFSET, CHANNELS or }").lower()
            if word == "}":
                self._close(open_joints.pop())
            elif word == "joint":
                open_joints.append(self._open_joint(open_joints[-1]))
            elif word == "end":
                self._expect("site")
                self._expect("{")
                open_joints.append(self._add(f"{self.names[open_joints[-1]]} end", open_joints[-1]))
            elif word == "offset":
                self.offsets[open_joints[-1]] = [self._read_number() for _ in range(3)]
            elif word == "channels":
                self._read_channels(open_joints[-1])
            else:
                raise self._error("JOINT, End Site, OFFSET, CHANNELS or }", word)
        self._expect("motion")
        return self.position

    def _read_number(self) -> float:
        token = self._next("a number").encode("latin1")
        value = _finite(token)
        # Where that is takes counting all lines so far, which only a message is worth.
        return _number(token, f"{self._where()}: OFFSET") if value is None else value

    def _open_joint(self, parent: int) -> int:
        words = [self._next("a joint's name")]
        name_end = self.position
        while (word := self._next("{")) != "{":
            words.append(word)
        name = " ".join(words)
        twice = name in self._known
        if twice or "{" in words or "}" in words:
            self.position = name_end
        if "{" in words or "}" in words:
            raise self._error("a joint's name", words[0])
        if twice:
            raise self._error("joints of different names", name)
        return self._add(name, parent)

    def _add(self, name: str, parent: int) -> int:
        if len(self.names) == _MAX_JOINTS:
            raise self._error(f"at most {_MAX_JOINTS} joints", name)
        self.names.append(name)
        self._known.add(name)
        self.parents.append(parent)
        self.offsets.append([])
        self.channels.append(())
        return len(self.names) - 1

    def _read_channels(self, joint: int) -> None:
        token = self._next("a number").encode("latin1")
        where = "" if _COUNT.fullmatch(token) else f"{self._where()}: CHANNELS"
        count = _count(token, where, 0)
        if count > len(CHANNELS):
            raise self._error(f"at most {len(CHANNELS)} channels", str(count))
        names = tuple(self._next("a channel").lower() for _ in range(count))
        unknown = [name for name in names if name not in CHANNELS]
        if unknown or len(set(names)) != len(names) or self.channels[joint]:
            raise self._error(f"{count} different channels like Xrotation", " ".join(names))
        self.channels[joint] = names

    def _close(self, joint: int) -> None:
        if not self.offsets[joint]:
            raise self._error(f"an OFFSET of {self.names[joint]}", "}")

    def _next(self, expected: str) -> str:
        token = next(self.tokens, None)
        if token is None:
            self.position = len(self.data)
            raise self._error(expected, "the end of the file")
        self.position = token.end()
        return token[0].decode("latin1")

    def _expect(self, word: str) -> None:
        found = self._next(word.upper())
        if found.lower() != word:
            raise self._error(word.upper(), found)

    def _where(self) -> str:
        return f"{self.path}: line {self.data.count(chr(10).encode(), 0, self.position) + 1}"

    def _error(self, expected: str, found: str) -> DataError:
        shown = found if len(found) <= 40 else f"{found[:40]}..."
        return DataError(f"{self._where()}: found {shown!r}, expected {expected}")


def _finite(token: bytes) -> float | None:
    try:
        value = float(token)
    except ValueError:
        return None
    return value if math.isfinite(value) and b"_" not in token else None


def _number(token: bytes, where: str) -> float:
    value = _finite(token)
    if value is None:
        raise DataError(f"{where}: found {token[:40].decode('latin1')!r}, expected a finite number")
    return value


def _count(token: bytes, where: str, least: int) -> int:
    if not _COUNT.fullmatch(token) or int(token) < least:
        shown = token[:40].decode("latin1")
        raise DataError(f"{where}: found {shown!r}, expected a whole number of at least {least}")
    return int(token)


def _values(path: str, data: bytes, start: int, frames: int, width: int) -> NDArray[np.float64]:
    """The rows after the header (T, C); slow only where something is wrong and has to be named."""
    if width == 0:
        raise DataError(f"{path}: no channels, expected joints that move")
    tokens = data[start:].split()
    if len(tokens) != frames * width:
        raise DataError(_miscount(path, data, start, frames, width, len(tokens)))
    try:
        values = np.fromiter(map(float, tokens), np.float64, len(tokens))
    except ValueError:
        values = np.array([np.nan])
    # float() reads 1_0 as 10, which no other BVH reader does.
    if not np.isfinite(values).all() or b"_" in data[start:]:
        for index, token in enumerate(tokens):
            _number(token, f"{path}: frame {index // width}, value {index % width}")
    return values.reshape(frames, width)


def _miscount(path: str, data: bytes, start: int, frames: int, width: int, found: int) -> str:
    first = data.count(b"\n", 0, start) + 1
    for line, row in enumerate(data[start:].split(b"\n"), first):
        count = len(row.split())
        if count not in (0, width):
            return f"{path}: line {line}: {count} values, expected {width} as in every frame"
    return f"{path}: {found // width} frames, expected the {frames} of the header"
