"""Human3.6M's original files: the same takes from every container, and what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from gsam.datasets.cdf import read_cdf
from gsam.datasets.human36m import layouts
from gsam.datasets.human36m.files import KEYPOINT_FILES, POSES_FILE, TEST_SUBJECTS
from gsam.datasets.human36m.metadata import check_metadata
from gsam.datasets.human36m.raw import mono_files
from gsam.errors import ConfigError, DataError, LicensedDataMissing
from gsam.storage import digest
from gsam.twin.cdf_file import save_cdf
from gsam.twin.human36m_raw import write_raw_twin
from gsam.twin_mark import MARK
from tests.unit.human36m_twin import write_archives

D3 = "MyPoseFeatures/D3_Positions"


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_archives(tmp_path_factory.mktemp("twin") / "archives")


@pytest.fixture(scope="module")
def original(archives: Path) -> Path:
    write_raw_twin(archives, archives.parent / "cdf", "cdf")
    return archives.parent / "cdf"


@pytest.fixture
def folder(original: Path, tmp_path: Path) -> Path:
    """A copy of hard links: a file of it is replaced, never written into."""
    shutil.copytree(original, tmp_path / "raw", copy_function=lambda a, b: Path(b).hardlink_to(a))
    return tmp_path / "raw"


def replace(path: Path, content: bytes | np.ndarray) -> None:
    path.unlink()
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        save_cdf(path, content.reshape(len(content), -1))


def read_all(folder: Path) -> None:
    for _ in layouts.read_takes(folder, TEST_SUBJECTS):
        pass


@pytest.mark.parametrize("container", ["cdf", "mat", "h5"])
def test_takes_and_keypoints_are_those_of_the_archives_to_the_last_bit(
    archives: Path, original: Path, container: str, tmp_path: Path
) -> None:
    folder = original if container == "cdf" else tmp_path / "raw"
    if container != "cdf":
        write_raw_twin(archives, folder, container)
    assert layouts.layout_of(folder) == container
    sources = ["cpn", "detectron", "sh", *(["gt"] if container != "h5" else [])]
    expected = {source: layouts.read_keypoints(archives, source) for source in sources}
    found = {source: layouts.read_keypoints(folder, source) for source in sources}
    takes = layouts.read_takes(folder, TEST_SUBJECTS)
    count = 0
    for one, other in zip(layouts.read_takes(archives, TEST_SUBJECTS), takes, strict=True):
        assert one.sequence == other.sequence and one.split == other.split
        assert other.dataset == "twin"
        assert one.joints.tobytes() == other.joints.tobytes()
        for source in sources:
            views = [each[source][one.subject, one.name] for each in (expected, found)]
            for ours, theirs in zip(*views, strict=True):
                assert ours is not None and theirs is not None
                assert ours.tobytes() == theirs.tobytes()
        count += 1
    assert count == 209


def test_archives_go_before_original_files_and_the_rest_is_looked_for_among_these(
    archives: Path, folder: Path
) -> None:
    shutil.copyfile(archives / POSES_FILE, folder / POSES_FILE)
    assert layouts.layout_of(folder) == "npz"
    files = layouts.source_files(folder)
    assert folder / POSES_FILE in files and folder / MARK in files
    assert not [file for file in files if "D3_Positions" in str(file)]
    assert len([file for file in files if "D2_Positions" in str(file)]) == 210 * 4
    assert next(iter(layouts.read_keypoints(folder, "gt")))[0] == "S1"


def test_without_the_mark_the_folder_is_the_original(folder: Path) -> None:
    (folder / MARK).unlink()
    assert next(iter(layouts.read_takes(folder, TEST_SUBJECTS))).dataset == "human36m"


def test_nothing_at_all_is_licensed_data_missing(tmp_path: Path) -> None:
    with pytest.raises(
        LicensedDataMissing, match=r"original files S\*/MyPoseFeatures/D3_Positions"
    ):
        layouts.read_takes(tmp_path, TEST_SUBJECTS)
    with pytest.raises(LicensedDataMissing, match=KEYPOINT_FILES["cpn"]):
        layouts.read_keypoints(tmp_path, "cpn")


def test_a_missing_an_unknown_and_a_double_take_are_named(folder: Path) -> None:
    poses = folder / "S1" / D3
    (poses / "TakingPhoto 1.cdf").rename(poses / "Photographing.cdf")
    with pytest.raises(DataError, match="S1 has an unknown action 'Photographing'"):
        read_all(folder)
    (poses / "Photographing.cdf").unlink()
    with pytest.raises(DataError, match=r"S1 has 1 takes of Photo \(Photo \d\), expected 2"):
        read_all(folder)
    shutil.copyfile(poses / "TakingPhoto 2.cdf", poses / "Photo_2.cdf")
    with pytest.raises(DataError, match=r"TakingPhoto 2\.cdf: S1 Photo 2 is also in .*Photo_2\."):
        read_all(folder)


def first(folder: Path, inside: str = D3) -> Path:
    """A file of S1's first take in the order of reading."""
    return min((folder / "S1" / inside).glob("Directions*"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda mm: mm / 1000, "expected millimetres .*; these look like metres"),
        (lambda mm: mm[..., [0, 2, 1]] + [0, 0, 5000], "above the floor, expected positions in"),
        (lambda mm: np.where(np.arange(32)[:, None] == 8, np.nan, mm), "not finite in frame 0"),
        (lambda mm: mm[:, :17], r"array of \(1, 2, 51\), expected \(1, T, 96\)"),
    ],
)
def test_poses_in_another_unit_frame_or_shape_are_refused(folder, change, message) -> None:
    path = first(folder)
    millimetres = read_cdf(path, "Pose").reshape(-1, 32, 3)
    replace(path, change(millimetres))
    with pytest.raises(DataError, match=f"{path.name}.*{message}"):
        read_all(folder)


def test_universal_skeletons_are_not_taken_for_those_of_a_camera(folder: Path) -> None:
    path = next(iter(mono_files(folder, [("S1", "Eating"), ("S1", "Walking 2")]).values()))
    assert path.name.startswith("Walking 2.")
    millimetres = read_cdf(path, "Pose").reshape(-1, 32, 3)
    root = millimetres[:, :1]
    replace(path, root + 0.9 * (millimetres - root))
    with pytest.raises(DataError, match=r"mm \(median\) from D3_Positions seen .*_universal"):
        read_all(folder)


def test_2d_positions_lack_no_camera_and_no_number(folder: Path) -> None:
    path = first(folder, "MyPoseFeatures/D2_Positions")
    take = ("S1", path.name.split(".")[0])
    pixels = read_cdf(path, "Pose").reshape(-1, 32, 2)
    pixels[1, 3] = np.inf
    replace(path, pixels)
    with pytest.raises(DataError, match=rf"{path.name}: joint right_\w+ is not finite in frame 1"):
        layouts.read_keypoints(folder, "gt")[take]
    path.unlink()
    with pytest.raises(DataError, match=f"no file of S1 {take[1]!r} camera 54138969"):
        layouts.read_keypoints(folder, "gt")[take]
    assert ("S1", "Drinking") not in layouts.read_keypoints(folder, "gt")


def w0(path: Path) -> tuple[str, list[str], str]:
    before, rest = path.read_text().split("<w0>[")
    numbers, after = rest.split("]</w0>")
    return f"{before}<w0>[", numbers.split(), f"]</w0>{after}"


def test_cameras_of_metadata_are_ours_or_named(folder: Path) -> None:
    path = folder / "metadata.xml"
    check_metadata(path)
    before, numbers, after = w0(path)
    changes = {
        "S1 camera 54138969: the tangential pair is swapped": {271: 272, 272: 271},
        r"S5 camera 55011271: rotation matrices differ by 1\.": {6 * (11 + 4): 6 * (11 + 5) + 1},
        r"S11 camera 60457274: places in the world \(m\) differ by": {6 * (33 + 10) + 3: 0},
    }
    for message, moved in changes.items():
        changed = [numbers[moved.get(place, place)] for place in range(len(numbers))]
        replace(path, f"{before}{' '.join(changed)}{after}".encode())
        with pytest.raises(DataError, match=message):
            read_all(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<a><w0>[1 2 3]</w0></a>", "w0 has 3 numbers, expected 300"),
        (b"<a><w0>[1 two]</w0></a>", "no readable XML with numbers in w0"),
        (b"<a>", "no readable XML"),
        (b'<!DOCTYPE a [<!ENTITY b "cc">]><a><w0>&b;</w0></a>', "declares entities, refused"),
        (b"<a>" + b" " * (5 << 20) + b"</a>", "larger than 4194304 bytes"),
    ],
)
def test_metadata_that_nobody_vouches_for_is_refused(tmp_path, content, message) -> None:
    path = tmp_path / "metadata.xml"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        check_metadata(path)


def test_the_writer_repeats_its_bytes_and_wants_a_twin(archives, original, tmp_path) -> None:
    write_raw_twin(archives, tmp_path / "again", "cdf")
    assert digest(original) == digest(tmp_path / "again")
    with pytest.raises(ConfigError, match=r"no twin\.json of a twin of Human3.6M"):
        write_raw_twin(tmp_path, tmp_path / "out", "cdf")
    with pytest.raises(ConfigError, match="container 'zip', expected one of cdf, mat, h5"):
        write_raw_twin(archives, tmp_path / "out", "zip")
    assert not (tmp_path / "out").exists()
