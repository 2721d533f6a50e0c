"""A stream to hand to readers that make room for whatever a file claims to hold."""

from __future__ import annotations

from typing import IO, Any

__all__ = ["BoundedStream"]


class BoundedStream:
    """A stream in which a claim of gigabytes that are not there allocates nothing."""

    _PIECE = 1 << 24

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def read(self, size: int = -1) -> bytes:
        """As the stream's own."""
        if size <= self._PIECE:
            return self._stream.read(size)
        pieces = []
        while size > 0 and (piece := self._stream.read(min(size, self._PIECE))):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)
