"""The preprocessed files: people without a camera, grouped by image, held out by sequence."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.body.bodies import open_bodies
from gsam.datasets.threedpw.labels import label_bodies
from gsam.datasets.threedpw.npz import label_preprocessed, preprocessed_files, read_preprocessed
from gsam.errors import DataError


def people(sequences: list[str], frames: int = 2, each: int = 2) -> dict[str, Any]:
    """Person after person, as the preprocessing goes through the pickles."""
    random = np.random.default_rng(len(sequences))
    names = [
        f"imageFiles/{name}/image_{frame:05d}.jpg"
        for name in sequences
        for _ in range(each)
        for frame in range(frames)
    ]
    count = len(names)
    return {
        "imgname": np.array(names),
        "center": random.uniform(40, 60, (count, 2)),
        "scale": np.full(count, 0.4),
        "pose": random.normal(scale=0.2, size=(count, 72)),
        "shape": random.normal(size=(count, 10)),
        "gender": np.array(["m", "f"] * (count // 2)),
    }


def write(folder: Path, train: dict[str, Any], test: dict[str, Any]) -> tuple[Path, Path]:
    paths = folder / "3dpw_train.npz", folder / "3dpw_test.npz"
    for path, arrays in zip(paths, (train, test), strict=True):
        np.savez(path, **arrays)
    return paths


def test_splits_share_no_sequence_and_lose_nobody(tmp_path: Path) -> None:
    names = [f"courtyard_{letter}_00" for letter in "abcdefghij"]
    paths = write(tmp_path, people(names), people(["flat_guitar_01"]))
    found = read_preprocessed(*paths)
    by_split = {split: set(one.sequences.tolist()) for split, one in found.items()}
    assert by_split["train"] | by_split["validation"] == set(names)
    assert by_split["train"] and by_split["validation"]
    assert not by_split["train"] & by_split["validation"]
    assert by_split["test"] == {"flat_guitar_01"}
    assert sum(len(one.frames) for one in found.values()) == 44
    # Two sequences or one hash for all: there is a validation split nonetheless.
    few = read_preprocessed(*write(tmp_path, people(["a_a_00", "a_b_00"]), people(["c_c_00"])))
    assert {len(few[split].frames) for split in ("train", "validation")} == {4}


def test_an_images_people_come_together_with_joints_of_their_bodies(tmp_path: Path) -> None:
    raw = people(["flat_guitar_01", "downtown_bar_00"])
    paths = write(tmp_path, people(["a_a_00", "a_b_00"]), raw)
    test = read_preprocessed(*paths)["test"]
    frames = list(label_preprocessed(test, label_bodies(open_bodies(None))))
    assert [frame.image for frame in frames] == [
        "downtown_bar_00/image_00000",
        "downtown_bar_00/image_00001",
        "flat_guitar_01/image_00000",
        "flat_guitar_01/image_00001",
    ]
    rows = {0: (4, 6), 3: (1, 3)}  # of the file, per image
    for number, (first, second) in rows.items():
        frame = frames[number]
        for person, row in enumerate((first, second)):
            found = frame.labels[person]
            assert found.person == person and found.gender == raw["gender"][row]
            np.testing.assert_allclose(found.pose, raw["pose"][row], rtol=1e-6)
            assert found.translation is None and found.parts is None
            assert np.abs(found.joints[14]).max() < 0.5  # the pelvis is near the body's origin
            side = 80.0
            wanted = [*(raw["center"][row] - side / 2), side, side]
            np.testing.assert_allclose(frame.people.boxes[person], wanted, rtol=1e-5)
        assert not frame.people.visibility.any()


def test_both_files_and_the_images_are_needed(tmp_path: Path) -> None:
    write(tmp_path, people(["a_a_00"]), people(["b_b_00"]))
    assert preprocessed_files(tmp_path) is None
    (tmp_path / "imageFiles").mkdir()
    assert preprocessed_files(tmp_path) is not None
    (tmp_path / "3dpw_test.npz").unlink()
    assert preprocessed_files(tmp_path) is None


def not_finite() -> dict[str, Any]:
    shape = people(["a_a_00"])["shape"]
    shape[2, 5] = np.nan
    return {"shape": shape}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pose": np.zeros((4, 69))}, r"pose: float64 \(4, 69\), expected numbers \(4, 72\)"),
        ({"shape": np.zeros((3, 10))}, r"shape: float64 \(3, 10\)"),
        (not_finite(), "shape: row 2 is not finite"),
        ({"scale": np.array([0.4, 0.0, 0.4, 0.4])}, "scale: row 1 is not positive"),
        ({"gender": np.array(["m", "f", "x", "m"])}, "gender: expected m or f of each"),
        ({"gender": np.array([1, 2, 3, 4])}, "gender: int64"),
        ({"imgname": np.array(["../a.jpg"] * 4)}, r"imgname: '../a.jpg', expected imageFiles"),
        ({"imgname": np.array([], dtype="U1")}, "center: .* expected numbers"),
        ({"imgname": np.array([object()] * 4)}, "3dpw_train.npz"),
    ],
)
def test_what_is_wrong_is_named_in_one_line(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    good = people(["a_a_00"])
    paths = write(tmp_path, good | changes, good)
    with pytest.raises(DataError, match=words) as caught:
        read_preprocessed(*paths)
    assert "3dpw_train.npz" in str(caught.value) and "\n" not in str(caught.value)


def test_missing_keys_and_truncated_files(tmp_path: Path) -> None:
    good = people(["a_a_00"])
    for key in good:
        paths = write(tmp_path, {k: v for k, v in good.items() if k != key}, good)
        with pytest.raises(DataError, match=f"3dpw_train.npz: key '{key}' is missing"):
            read_preprocessed(*paths)
    with pytest.raises(DataError, match=r"one sequence, expected two or more"):
        read_preprocessed(*write(tmp_path, good, good))
    paths = write(tmp_path, people(["a_a_00", "a_b_00"]), good)
    paths[1].write_bytes(paths[1].read_bytes()[:200])
    with pytest.raises(DataError, match=r"3dpw_test.npz: not a readable npz archive"):
        read_preprocessed(*paths)
