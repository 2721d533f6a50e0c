"""What is fuzzed: a reader, a good file of its kind, and how to build variants of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from tests.fuzz.bytes_changed import changed
from tests.fuzz.values_changed import twisted

__all__ = ["Reader"]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """One reader of the library.

    name: for reports. file: path in a folder of what is damaged. content: its good form, a tree of
    values. dump: the tree as the file's bytes. read: what reads it, given the folder. beside: other
    files of the folder, which stay good. twists: False where content is no tree but bytes.
    """

    name: str
    file: str
    content: Callable[[], Any]
    read: Callable[[Path], object]
    dump: Callable[[Any], bytes] = bytes
    beside: Callable[[], Mapping[str, bytes]] = dict
    twists: bool = True
    _good: list[bytes] = field(default_factory=list)

    @property
    def good(self) -> bytes:
        """The good file; it is made once."""
        if not self._good:
            self._good.append(self.dump(self.content()))
        return self._good[0]

    def lay(self, folder: Path) -> None:
        """Write the folder with the good file in it."""
        for name, content in {**self.beside(), self.file: self.good}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def variant(self, random: Random, start: bytes | None = None) -> bytes:
        """A damaged file: values of the tree exchanged, bytes changed, or both.

        `start` are the bytes to change instead of the good file's.
        """
        whole = self.good if start is None else start
        if self.twists and start is None and random.random() < 0.6:
            try:
                whole = self.dump(twisted(random, self.content()))
            except Exception:
                # Not every tree can be written in every format.
                return changed(random, self.good)
            if random.random() < 0.85:
                return whole
        return changed(random, whole)
