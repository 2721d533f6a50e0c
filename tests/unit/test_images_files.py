"""Pictures come out of folders and archives whole, or the archive and the member are named."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from gsam.datasets.image_files import members, read_images
from gsam.errors import DataError
from gsam.images.jpeg import MAX_BYTES

FILES = {"images/b.jpg": b"bb", "images/a.jpg": b"a", "images/c.txt": b"no"}


def make(folder: Path, kind: str, files: dict[str, bytes] = FILES) -> Path:
    place = folder / f"pictures{kind}"
    if kind == "":
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
    elif kind == ".zip":
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("images/", b"")
            for name, content in files.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(place, "w:gz" if kind.endswith("gz") else "w") as archive:
            for name, content in files.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return place


@pytest.mark.parametrize("kind", ["", ".zip", ".tar", ".tar.gz", ".tgz"])
def test_wanted_images_come_from_any_container(tmp_path: Path, kind: str) -> None:
    place = make(tmp_path, kind)
    found = {name: content for name, content, _ in read_images(place, {"a.jpg", "b.jpg"})}
    assert found == {"a.jpg": b"a", "b.jpg": b"bb"}
    if "tar" not in kind and "tgz" not in kind:
        assert list(found) == ["a.jpg", "b.jpg"]
    assert len(list(members(place))) == 3


@pytest.mark.parametrize("kind", ["", ".zip", ".tar.gz"])
def test_missing_images_are_counted_and_named(tmp_path: Path, kind: str) -> None:
    place = make(tmp_path, kind)
    with pytest.raises(DataError, match=r"pictures.*: 2 of 3 images are missing, .* d\.jpg"):
        list(read_images(place, ["a.jpg", "d.jpg", "e.jpg"]))


@pytest.mark.parametrize("kind", ["", ".zip", ".tar"])
def test_two_images_of_one_name_are_refused(tmp_path: Path, kind: str) -> None:
    place = make(tmp_path, kind, FILES | {"more/a.jpg": b"x"})
    with pytest.raises(DataError, match=r"a second 'a\.jpg'"):
        list(read_images(place, ["a.jpg"]))


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.gz"])
@pytest.mark.parametrize("name", ["/etc/a.jpg", "../a.jpg", "x/../../a.jpg", "C:/a.jpg"])
def test_members_that_lead_out_are_refused(tmp_path: Path, kind: str, name: str) -> None:
    place = make(tmp_path, kind, {name: b"x"})
    with pytest.raises(DataError, match="leads out of the archive, refused"):
        list(read_images(place, ["a.jpg"]))


def test_links_in_a_tar_are_refused(tmp_path: Path) -> None:
    place = tmp_path / "a.tar"
    with tarfile.open(place, "w") as archive:
        info = tarfile.TarInfo("a.jpg")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(DataError, match=r"a\.tar: a\.jpg is a link or a device"):
        list(members(place))


@pytest.mark.parametrize("kind", ["", ".zip", ".tar.gz"])
def test_members_larger_than_any_image_are_refused_unread(tmp_path: Path, kind: str) -> None:
    place = make(tmp_path, kind, {"a.jpg": bytes(MAX_BYTES + 1)})
    with pytest.raises(DataError, match=r"a\.jpg: \d+ bytes, expected an image of at most"):
        list(read_images(place, ["a.jpg"]))


@pytest.mark.parametrize("kind", [".zip", ".tar", ".tar.gz"])
def test_damaged_archives_are_named(tmp_path: Path, kind: str) -> None:
    place = make(tmp_path, kind, {"a.jpg": bytes(range(256)) * 200, "b.jpg": b"b" * 9000})
    content = place.read_bytes()
    place.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=rf"pictures{kind}: .*(damaged|not a readable|missing)"):
        list(read_images(place, ["a.jpg", "b.jpg"]))


def test_a_damaged_member_of_a_zip_is_named(tmp_path: Path) -> None:
    place = tmp_path / "a.zip"
    with zipfile.ZipFile(place, "w") as archive:
        archive.writestr("a.jpg", b"picture")
    place.write_bytes(place.read_bytes().replace(b"picture", b"picturE"))
    with pytest.raises(DataError, match=r"a\.zip: a\.jpg: damaged member"):
        list(read_images(place, ["a.jpg"]))


def test_other_places_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file or folder"):
        members(tmp_path / "x.zip")
    (tmp_path / "x.rar").write_bytes(b"")
    with pytest.raises(DataError, match=r"expected a folder, \.zip"):
        members(tmp_path / "x.rar")
