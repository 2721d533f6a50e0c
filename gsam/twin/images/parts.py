"""What one independent piece of work leaves behind: a run of pictures and their labels.

A part is `<name>.tar`, whole tar members without the end of an archive, so that parts put one after
another are an archive, and `<name>.json`, the labels of its pictures by member. Parts may be made
by any process in any order; archives are put together from them in a fixed one.
"""

import json
import shutil
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from gsam.storage import atomic_path, read_json, write_text

Labels = dict[str, Any]


def write_part(folder: Path, name: str, pictures: Iterable[tuple[str, bytes, Labels]]) -> int:
    """Write the part `name`: (member, JPEG, labels that JSON can hold) of every picture.

    Returns the number of pictures, of which one at a time is in memory.
    """
    labels = {}
    with atomic_path(folder / f"{name}.tar") as temporary, temporary.open("wb") as stream:
        for member, jpeg, label in pictures:
            info = tarfile.TarInfo(member)
            info.size = len(jpeg)
            stream.write(info.tobuf(tarfile.GNU_FORMAT))
            stream.write(jpeg)
            stream.write(bytes(-len(jpeg) % tarfile.BLOCKSIZE))
            labels[member] = label
    write_compact(folder / f"{name}.json", labels)
    return len(labels)


def read_labels(folder: Path, names: Iterable[str]) -> Labels:
    """The labels of some parts, by member in the parts' order."""
    labels: Labels = {}
    for name in names:
        labels.update(read_json(folder / f"{name}.json"))
    return labels


def write_tar(path: Path, folder: Path, names: Iterable[str]) -> None:
    """Put parts together to a tar archive."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        for name in names:
            with (folder / f"{name}.tar").open("rb") as part:
                shutil.copyfileobj(part, stream)
        stream.write(bytes(2 * tarfile.BLOCKSIZE))


def write_zip(path: Path, folder: Path, names: Iterable[str]) -> None:
    """Put parts together to a zip archive of stored members, all dated 1980."""
    with (
        atomic_path(path) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive,
    ):
        for name in names:
            for member, content in _members(folder / f"{name}.tar"):
                archive.writestr(zipfile.ZipInfo(member), content)


def _members(path: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(path) as part:
        for info in part:
            content = part.extractfile(info)
            assert content is not None
            yield info.name, content.read()


def write_compact(path: Path, content: object) -> None:
    """JSON on one line, in the order given, as the datasets themselves come."""
    write_text(path, json.dumps(content, separators=(",", ":"), allow_nan=False) + "\n")
