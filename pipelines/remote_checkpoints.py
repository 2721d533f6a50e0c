"""Checkpoints in an object store: each one object, whole or absent, the newest two kept."""

from collections.abc import Callable

from gsam.training.checkpoint import KEPT, State, decode, encode
from pipelines.object_store import (
    Entry,
    NotThere,
    delete,
    listed,
    read_bytes,
    under,
    write_bytes,
)

__all__ = ["RemoteCheckpoints"]

_SUFFIX = ".ckpt"


class RemoteCheckpoints:
    """A keeper as `CheckpointFolder`, below a prefix of the store."""

    def __init__(self, prefix: str, warn: Callable[[str], None]) -> None:
        """`warn` is told about damaged checkpoints."""
        self.prefix = prefix
        self._warn = warn

    def load(self) -> State | None:
        """The newest whole checkpoint, or None; damaged ones are named, removed and passed over.

        Raises:
            ConfigError, DataError: the store is wrong or fails.
        """
        for entry in self._entries():
            place = under(self.prefix, entry.name)
            try:
                state = decode(read_bytes(place))
            except NotThere:  # another process with the same training has dropped it meanwhile
                continue
            if state is not None:
                return state
            self._warn(f"{place}: damaged checkpoint, falling back to the one before")
            delete(place)
        return None

    def save(self, epoch: int, state: State) -> None:
        """Write the checkpoint, then drop all but the newest two.

        Raises:
            ConfigError, DataError: the store is read-only, full or fails; what was there stays.
        """
        write_bytes(under(self.prefix, f"{epoch:06d}{_SUFFIX}"), encode(state))
        for old in self._entries()[KEPT:]:
            delete(under(self.prefix, old.name))

    def _entries(self) -> list[Entry]:
        """Newest first."""
        found = [e for e in listed(self.prefix) if e.name.endswith(_SUFFIX) and "/" not in e.name]
        return sorted(found, key=lambda entry: entry.name, reverse=True)
