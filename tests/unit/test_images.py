"""Images and people come back as they were written; what is damaged is named."""

import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.images import ImageSet, ImageWriter, People, decode_jpeg, encode_jpeg, jpeg_size

JOINTS = 17


def picture(seed: int, width: int = 12, height: int = 9) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def people(count: int, seed: int = 0, heads: bool = False) -> People:
    rng = np.random.default_rng(seed)
    return People(
        points=rng.normal(size=(count, JOINTS, 2)),
        visibility=rng.integers(0, 4, (count, JOINTS)),
        boxes=rng.uniform(0, 9, (count, 4)),
        areas=rng.uniform(1, 99, count),
        crowds=rng.random(count) < 0.5,
        ids=rng.integers(0, 2**40, count),
        head_sizes=rng.uniform(1, 9, count) if heads else None,
    )


def write(folder: Path, counts: list[int], heads: bool = False, **options: int) -> list[bytes]:
    jpegs = [encode_jpeg(picture(i, width=8 + i)) for i in range(len(counts))]
    with ImageWriter(folder, "train", "twin", "human36m_17", "test", **options) as writer:
        for i, (jpeg, count) in enumerate(zip(jpegs, counts, strict=True)):
            writer.add(jpeg, image=f"S1/{i}", people=people(count, i, heads), frame=i, zoom=0.5)
    return jpegs


@settings(max_examples=25, deadline=None)
@given(counts=st.lists(st.integers(0, 3), min_size=1, max_size=9), heads=st.booleans())
def test_every_image_and_person_comes_back(
    tmp_path_factory: pytest.TempPathFactory, counts: list[int], heads: bool
) -> None:
    folder = tmp_path_factory.mktemp("images")
    jpegs = write(folder, counts, heads, shard_bytes=3000)
    images = ImageSet.load(folder, "train")
    assert len(images) == len(counts) and images.skeleton.name == "human36m_17"
    np.testing.assert_array_equal(images.person_image, np.repeat(np.arange(len(counts)), counts))
    for i in range(len(counts)):
        assert bytes(images.jpeg(i)) == jpegs[i]
        of, written = images.person_image == i, people(counts[i], i, heads)
        for name in ("points", "visibility", "boxes", "areas", "crowds"):
            np.testing.assert_array_equal(getattr(images, name)[of], getattr(written, name))
        np.testing.assert_array_equal(images.person_ids[of], written.ids)
        if written.head_sizes is None:
            assert np.isnan(images.head_sizes[of]).all()
        else:
            np.testing.assert_array_equal(images.head_sizes[of], written.head_sizes)
    assert images.points.shape == (sum(counts), JOINTS, 2)
    assert images.rows["width"].to_pylist() == [8 + i for i in range(len(counts))]


def test_shards_are_plain_tars_of_bounded_size(tmp_path: Path) -> None:
    jpegs = write(tmp_path, [1] * 12, shard_bytes=4000)
    shards = sorted(tmp_path.glob("train-*.tar"))
    assert len(shards) > 2
    found = []
    for shard in shards:
        assert shard.stat().st_size < 4000 + 2 * 512 + 512
        with tarfile.open(shard) as tar:
            for member in tar:
                found.append((member.name, tar.extractfile(member).read()))
                assert (member.mtime, member.uid, member.mode) == (0, 0, 0o644)
    assert found == [(f"S1/{i}.jpg", jpeg) for i, jpeg in enumerate(jpegs)]


def test_the_same_images_are_the_same_bytes(tmp_path: Path) -> None:
    write(tmp_path / "a", [1, 0, 2])
    write(tmp_path / "b", [1, 0, 2])
    for name in ("train-00000.tar", "train.parquet"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    one, two = (ImageSet.load(tmp_path / name, "train") for name in "ab")
    assert one.data_hash == two.data_hash
    write(tmp_path / "b", [1, 1, 2])
    assert ImageSet.load(tmp_path / "b", "train").data_hash != one.data_hash


def test_rows_that_are_kept_in_pieces_are_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a", [1, 0, 2, 3, 0])
    monkeypatch.setattr("gsam.images.writer._ROWS_PER_BATCH", 2)
    write(tmp_path / "b", [1, 0, 2, 3, 0])
    one, two = ((tmp_path / name / "train.parquet").read_bytes() for name in "ab")
    assert one == two


def test_a_copy_in_another_process_reads_the_same(tmp_path: Path) -> None:
    jpegs = write(tmp_path, [1, 2])
    images = ImageSet.load(tmp_path, "train")
    images.jpeg(0)
    payload = pickle.dumps(images)
    copy = pickle.loads(payload)
    assert bytes(copy.jpeg(1)) == jpegs[1]
    np.testing.assert_array_equal(copy.decode(1), images.decode(1))
    assert len(payload) < 40_000


def test_pictures_keep_their_colours() -> None:
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 0] = 250
    jpeg = encode_jpeg(image)
    assert jpeg_size(jpeg, "x") == (16, 16)
    assert abs(decode_jpeg(jpeg, "x").astype(int) - image).max() < 8


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda jpeg: jpeg[:-40], "truncated JPEG"),
        (lambda jpeg: jpeg[:30], "damaged JPEG|headers end"),
        (lambda jpeg: b"\x89PNG" + jpeg, "not a JPEG"),
        (lambda jpeg: b"", "not a JPEG"),
        (lambda jpeg: jpeg[:2] + b"\xff\xc0\x00", "headers end"),
        (lambda jpeg: bytes(65 << 20), "at most"),
    ],
)
def test_damaged_jpegs_are_named_and_nothing_is_left(tmp_path: Path, damage, message) -> None:
    jpeg = encode_jpeg(picture(0, 32, 32))
    with (
        pytest.raises(DataError, match=rf"a\.zip\[x\.jpg\]: .*({message})"),
        ImageWriter(tmp_path, "val", "coco", "human36m_17", "test") as writer,
    ):
        writer.add(jpeg, image="a", people=people(1))
        writer.add(damage(jpeg), image="b", people=people(1), where="a.zip[x.jpg]")
    assert list(tmp_path.iterdir()) == []


def test_a_huge_picture_is_refused_by_its_header() -> None:
    jpeg = bytearray(encode_jpeg(picture(0)))
    place = jpeg.index(b"\xff\xc0")
    jpeg[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    with pytest.raises(DataError, match="x: 65535 x 65535 px"):
        decode_jpeg(bytes(jpeg), "x")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"points": np.zeros((2, JOINTS, 3))}, r"points of shape \(2, 17, 3\)"),
        ({"points": np.full((2, JOINTS, 2), np.nan)}, "points are not all finite"),
        ({"boxes": np.zeros((1, 4))}, r"boxes of shape \(1, 4\), expected \(2, 4\)"),
        ({"boxes": np.full((2, 4), -1.0)}, "a box of size"),
        ({"visibility": np.full((2, JOINTS), 4)}, "visibility 4, expected 0 to 3"),
        ({"head_sizes": np.zeros(3)}, "head_sizes of shape"),
        ({"head_sizes": np.full(2, np.inf)}, "head_sizes are not all finite"),
    ],
)
def test_people_are_held_to_their_shapes(change: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        People(**{**vars(people(2)), **change})


@pytest.mark.parametrize("name", ["a", "", "/etc/x", "a/../../b"])
def test_names_are_distinct_and_can_be_paths(tmp_path: Path, name: str) -> None:
    with (
        pytest.raises(DataError, match=r"expected (distinct names|a name that can be a path)"),
        ImageWriter(tmp_path, "val", "coco", "human36m_17", "test") as writer,
    ):
        writer.add(encode_jpeg(picture(0)), image="a", people=people(0))
        writer.add(encode_jpeg(picture(0)), image=name, people=people(0))


def test_people_of_another_joint_set_and_an_empty_split_are_refused(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="people of 17 joints, expected 16"),
        ImageWriter(tmp_path, "val", "mpii", "mpii_16", "test") as writer,
    ):
        writer.add(encode_jpeg(picture(0)), image="a", people=people(1))
    with (
        pytest.raises(DataError, match="no images of the split 'val'"),
        ImageWriter(tmp_path, "val", "mpii", "mpii_16", "test"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_missing_or_cut_shard_is_named(tmp_path: Path) -> None:
    write(tmp_path, [1])
    shard = tmp_path / "train-00000.tar"
    content = shard.read_bytes()
    shard.write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"train-00000\.tar: .*bytes, expected"):
        ImageSet.load(tmp_path, "train")
    shard.unlink()
    with pytest.raises(DataError, match=r"train-00000\.tar: no such file"):
        ImageSet.load(tmp_path, "train")
    with pytest.raises(DataError, match=r"test\.parquet: no such file"):
        ImageSet.load(tmp_path, "test")


def test_a_damaged_member_names_shard_and_image(tmp_path: Path) -> None:
    write(tmp_path, [1, 1])
    images = ImageSet.load(tmp_path, "train")
    shard = tmp_path / "train-00000.tar"
    content = bytearray(shard.read_bytes())
    start = images.rows["offset"][1].as_py()
    content[start : start + 2] = b"xx"
    shard.write_bytes(content)
    images.decode(0)
    with pytest.raises(DataError, match=r"train-00000\.tar: image S1/1: not a JPEG"):
        images.decode(1)
