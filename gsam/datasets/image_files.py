"""Pictures out of a folder, a zip or a tar archive, one at a time and as the bytes they are.

Archives come from users: a member whose name leads out of the archive, that is no plain file, or
that is larger than any picture is refused before it is read. Nothing is unpacked to disk.
"""

from __future__ import annotations

import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from gsam.errors import DataError
from gsam.images import People
from gsam.images.jpeg import MAX_BYTES

__all__ = ["LabelledImage", "first_of", "members", "read_images"]

_BROKEN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
)
_TARS = (".tar", ".tar.gz", ".tgz")


@dataclass(frozen=True)
class LabelledImage:
    """An image of a dataset's annotations: its unique name, file name, people, and size in px.

    width and height are None where the annotations do not say them.
    """

    name: str
    file: str
    people: People
    width: int | None = None
    height: int | None = None


def first_of(folder: Path, names: Sequence[str]) -> Path | None:
    """The first of `names` that exists in `folder`; None without any."""
    return next((folder / name for name in names if (folder / name).exists()), None)


def read_images(place: Path, wanted: Collection[str]) -> Iterator[tuple[str, bytes, str]]:
    """The wanted images of a folder or archive, wherever in it they lie.

    Args:
        place: a folder, .zip, .tar or .tar.gz.
        wanted: file names without folders.

    Yields:
        (file name, bytes, place for messages); by name, but in a tar archive in its own order,
        which is the only one in which a compressed archive can be read.

    Raises:
        DataError: some are not there, or twice; and as `members` does.
    """
    wanted, found = frozenset(wanted), set[str]()
    for path, content, where in members(place, wanted):
        name = PurePosixPath(path).name
        if name in found:
            raise DataError(f"{where}: a second {name!r} in {place}, expected distinct file names")
        found.add(name)
        yield name, content, where
    absent = sorted(wanted - found)
    if absent:
        raise DataError(
            f"{place}: {len(absent)} of {len(wanted)} images are missing, the first is {absent[0]}"
        )


def members(place: Path, wanted: Collection[str] | None = None) -> Iterator[tuple[str, bytes, str]]:
    """(path inside, bytes, place for messages) of the files of a folder or archive.

    Only those whose file name is `wanted` (all when None). Raises DataError for a place that is
    absent or none of these, a damaged archive, and a member that leads out of it, is a link or a
    device, or holds more than an image may.
    """
    if place.is_dir():
        return _of_folder(place, wanted)
    if not place.is_file():
        raise DataError(f"{place}: no such file or folder, expected images")
    if place.suffix == ".zip":
        return _of_zip(place, wanted)
    if place.name.endswith(_TARS):
        return _of_tar(place, wanted)
    raise DataError(f"{place}: expected a folder, .zip, {', '.join(_TARS)}")


def _of_folder(place: Path, wanted: Collection[str] | None) -> Iterator[tuple[str, bytes, str]]:
    files = (path for path in place.rglob("*") if path.is_file())
    kept = [path for path in files if wanted is None or path.name in wanted]
    for path in sorted(kept, key=lambda path: (path.name, path)):
        _check_size(path.stat().st_size, str(path))
        yield path.relative_to(place).as_posix(), path.read_bytes(), str(path)


def _of_zip(place: Path, wanted: Collection[str] | None) -> Iterator[tuple[str, bytes, str]]:
    try:
        with zipfile.ZipFile(place) as archive:
            for info in archive.infolist():
                _check_name(info.filename, place)
            infos = [info for info in archive.infolist() if not info.is_dir()]
            kept = [i for i in infos if wanted is None or PurePosixPath(i.filename).name in wanted]
            for info in sorted(kept, key=lambda i: (PurePosixPath(i.filename).name, i.filename)):
                _check_size(info.file_size, f"{place}: {info.filename}")
                yield info.filename, _unzipped(archive, info, place), f"{place}: {info.filename}"
    except _BROKEN as error:
        raise DataError(f"{place}: not a readable zip archive ({_line(error)})") from error


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo, place: Path) -> bytes:
    try:
        return archive.read(info)
    except _BROKEN as error:
        raise DataError(f"{place}: {info.filename}: damaged member ({_line(error)})") from error


def _of_tar(place: Path, wanted: Collection[str] | None) -> Iterator[tuple[str, bytes, str]]:
    name = "its first member"
    try:
        # As a stream: a compressed archive of 12 GB cannot be sought in.
        with tarfile.open(place, "r|*") as archive:
            for info in archive:
                name = info.name
                _check_name(name, place)
                if info.isdir():
                    continue
                if not info.isreg():
                    raise DataError(f"{place}: {name} is a link or a device, expected plain files")
                _check_size(info.size, f"{place}: {name}")
                if wanted is None or PurePosixPath(name).name in wanted:
                    stream = archive.extractfile(info)
                    assert stream is not None
                    yield name, stream.read(), f"{place}: {name}"
                # The list of members is only needed for seeking.
                archive.members.clear()  # type: ignore[attr-defined]
    except _BROKEN as error:
        raise DataError(f"{place}: damaged at {name} ({_line(error)})") from error


def _check_name(name: str, place: Path) -> None:
    parts = name.replace("\\", "/").split("/")
    if ".." in parts or parts[0] == "" or ":" in parts[0]:
        raise DataError(f"{place}: member {name!r} leads out of the archive, refused")


def _check_size(size: int, where: str) -> None:
    if size > MAX_BYTES:
        raise DataError(f"{where}: {size} bytes, expected an image of at most {MAX_BYTES}")


def _line(error: BaseException) -> str:
    text = str(error).strip()
    return text.splitlines()[0][:200] if text else type(error).__name__
