"""Settings of MPI-INF-3DHP's twin: how long its recordings are, from which seed."""

from dataclasses import dataclass

SHORTEST, LONGEST = 4.0, 300.0
"""Seconds. Shorter recordings hold no whole change of activity; the original's last 250."""


@dataclass(frozen=True, kw_only=True)
class TwinThreedhpConfig:
    """How much is made: seconds of each of the 16 training sequences, test_seconds of each of the
    6 test sequences, and the seed that everything drawn follows from.
    """

    seconds: float = 10.0
    test_seconds: float = 8.0
    seed: int = 0

    def problems(self) -> list[str]:
        """Values that cannot be made."""
        found = [
            f"{name} = {getattr(self, name)}: expected {SHORTEST} to {LONGEST}"
            for name in ("seconds", "test_seconds")
            if not SHORTEST <= getattr(self, name) <= LONGEST
        ]
        if self.seed < 0:
            found.append(f"seed = {self.seed}: expected 0 or more")
        return found
