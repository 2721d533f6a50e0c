"""Every reader of the library, by name."""

from tests.fuzz.reader import Reader
from tests.fuzz.readers import bodies, detections, human36m, networks, pictures, tables, threedhp

__all__ = ["BY_NAME", "READERS"]

READERS: list[Reader] = [
    *(human36m.READERS + pictures.READERS + bodies.READERS),
    *(networks.READERS + tables.READERS + threedhp.READERS + detections.READERS),
]
BY_NAME = {reader.name: reader for reader in READERS}
