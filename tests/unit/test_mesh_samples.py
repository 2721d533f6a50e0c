"""Samples of mesh regressors: picture, 2D, 3D, pose and part map agree whatever was drawn."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.body.files import load_body
from gsam.body.joints import OPENPOSE_JOINTS, BodyJoints
from gsam.body.rotations import axis_angle_to_matrix
from gsam.errors import ConfigError, DataError
from gsam.images import ImageSet
from gsam.meshes.augment import MeshAugment, mirror_parts
from gsam.meshes.crops import plain_crop, plain_matrix
from gsam.meshes.samples import MeshSampler, make_sample, open_sampler
from gsam.meshes.sources import MeshSamples, MeshSource, MeshSources, SourceFiles, spin_rows
from gsam.skeletons import SMPL_24, SPIN_24
from gsam.training.feed import ThreadFeed, stack
from tests.synthetic_images import write_images
from tests.unit.mesh_sources import FOCAL, MIDDLE, write_bodies

SIZE = 96
GEOMETRY = MeshAugment(colour=0.0, occlusion=0.0)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[MeshSource, np.ndarray]:
    return write_bodies(tmp_path_factory.mktemp("bodies"))


@pytest.fixture(scope="module")
def source(drawn: tuple[MeshSource, np.ndarray]) -> MeshSource:
    return drawn[0]


@pytest.fixture(scope="module")
def mpii(tmp_path_factory: pytest.TempPathFactory) -> MeshSource:
    folder = tmp_path_factory.mktemp("mpii")
    return MeshSource("mpii", write_images(folder, joint_set="mpii_16", people_each=2, dots=True))


def sample_of(source: MeshSource, person: int, seed: int, augment: MeshAugment | None) -> dict:
    return make_sample(source, person, SIZE, augment, np.random.default_rng(seed))


def fitted(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Points (N, 2) after the enlargement and shift that bring them closest to `target`."""
    centred, wanted = points - points.mean(axis=0), target - target.mean(axis=0)
    return centred * (centred * wanted).sum() / (centred**2).sum() + target.mean(axis=0)


def pixels(sample: dict) -> np.ndarray:
    return (sample["keypoints"][OPENPOSE_JOINTS:, :2] + 1) * SIZE / 2


def test_shapes_and_kinds_are_those_that_training_expects(source: MeshSource) -> None:
    sample = sample_of(source, 0, 0, MeshAugment())
    kinds = {name: (array.shape, array.dtype.str) for name, array in sample.items()}
    assert kinds == {
        "image": ((SIZE, SIZE, 3), "|u1"),
        "keypoints": ((49, 3), "<f4"),
        "joints3d": ((24, 4), "<f4"),
        "pose": ((72,), "<f4"),
        "betas": ((10,), "<f4"),
        "parts": ((SIZE // 4, SIZE // 4), "|u1"),
        "has_smpl": ((), "<f4"),
        "has_3d": ((), "<f4"),
    }
    assert sample["has_smpl"] == sample["has_3d"] == 1


def test_without_augmentation_it_is_the_plain_crop(source: MeshSource) -> None:
    sample = sample_of(source, 1, 0, None)
    np.testing.assert_array_equal(sample["image"], plain_crop(source.images, 1, SIZE))
    matrix = plain_matrix(source.images.boxes[1], SIZE)
    expected = source.images.points[1] @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(pixels(sample), expected, atol=1e-4)
    assert source.labels is not None
    np.testing.assert_array_equal(sample["pose"], source.labels.poses[1])
    np.testing.assert_array_equal(sample["joints3d"][:, :3], source.labels.joints[1])
    nothing_varies = MeshAugment(scale=0, rotation=0, flip=0, colour=0, occlusion=0)
    varied = sample_of(source, 1, 9, nothing_varies)
    for name, array in sample.items():
        np.testing.assert_array_equal(array, varied[name])


@given(person=st.integers(0, 2), seed=st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_joints_in_3d_project_onto_those_of_the_crop(
    source: MeshSource, person: int, seed: int
) -> None:
    sample = sample_of(source, person, seed, GEOMETRY)
    joints, labelled = sample["joints3d"][:, :3], sample["keypoints"][OPENPOSE_JOINTS:, 2] > 0
    projected = joints[:, :2] / joints[:, 2:]
    shown = pixels(sample)[labelled]
    assert labelled.sum() > 12
    # The crop is the turned and mirrored picture, enlarged and shifted: nothing else is left.
    assert np.abs(fitted(projected[labelled], shown) - shown).max() < 0.01


@pytest.mark.parametrize(("flip", "within"), [(0.0, 1e-5), (1.0, 0.03)])
def test_the_pose_makes_the_joints(source: MeshSource, flip: float, within: float) -> None:
    """In metres; the free body's own sides differ, most at the top of its head."""
    augment = replace(GEOMETRY, flip=flip, rotate_probability=1.0)
    samples = [sample_of(source, person, seed, augment) for person in range(3) for seed in range(4)]
    stacked = {name: torch.from_numpy(array) for name, array in stack(samples).arrays.items()}
    body = load_body()
    with torch.no_grad():
        rotations = axis_angle_to_matrix(stacked["pose"].view(-1, 24, 3))
        posed = body(stacked["betas"], rotations)
        found = BodyJoints.of(body).joints49(posed)[:, OPENPOSE_JOINTS:]
    known = stacked["joints3d"][..., :3]
    apart = (found - found[:, 14:15]) - (known - known[:, 14:15])
    assert apart.norm(dim=-1).max() < within
    assert len({tuple(pose) for pose in stacked["pose"].tolist()}) == len(samples)


@given(person=st.integers(0, 2), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_dots_lie_at_the_joints_and_parts_at_the_skeletons(
    drawn: tuple[MeshSource, np.ndarray], person: int, seed: int
) -> None:
    source, skeletons = drawn
    sample = sample_of(source, person, seed, GEOMETRY)
    labelled = sample["keypoints"][OPENPOSE_JOINTS:, 2] > 0
    shown, spin = pixels(sample), np.flatnonzero(labelled)
    inside = [j for j in spin if (np.abs(shown[j] - SIZE / 2) < SIZE / 2 - 2).all()]
    for joint in inside:
        column, row = np.rint(shown[joint]).astype(int)
        assert sample["image"][row, column].min() > 100
    # The skeleton's joints go through the same affine map as SPIN's, found from those.
    stored = skeletons[person][:, :2] / skeletons[person][:, 2:] * FOCAL + MIDDLE
    points = source.images.points[person][labelled]
    assert source.labels is not None
    flipped = not same_hands(sample["pose"], source.labels.poses[person])
    sides = [SPIN_24.mirror_permutation[j] if flipped else j for j in spin]
    affine, *_ = np.linalg.lstsq(np.c_[points, np.ones(len(points))], shown[sides], rcond=None)
    cells = np.rint(np.c_[stored, np.ones(24)] @ affine / 4).astype(int)
    right = []
    for joint, (column, row) in enumerate(cells):
        if 0 <= column < SIZE // 4 and 0 <= row < SIZE // 4:
            wanted = SMPL_24.mirror_permutation[joint] if flipped else joint
            right.append(sample["parts"][row, column] == wanted + 1)
    # Discs of neighbours that lie on one another hide some.
    assert np.mean(right) > 0.7


@pytest.mark.parametrize("person", [0, 1, 2])
def test_a_mirrored_sample_is_the_mirror_image_of_the_plain_one(
    source: MeshSource, person: int
) -> None:
    mirrored = MeshAugment(scale=0, rotation=0, flip=1.0, colour=0, occlusion=0)
    plain, other = sample_of(source, person, 0, None), sample_of(source, person, 0, mirrored)
    # The crop's middle is a pixel: the first column has no partner.
    image = plain["image"][:, :0:-1].astype(int) - other["image"][:, 1:]
    assert np.abs(image).max() < 8  # of interpolation
    parts = mirror_parts(plain["parts"][:, :0:-1])
    assert (parts != other["parts"][:, 1:]).mean() < 0.01
    assert (parts != plain["parts"][:, 1:]).mean() > 0.2


def same_hands(pose: np.ndarray, stored: np.ndarray) -> bool:
    """Whether a pose has its own left side, not that of its mirror image."""
    return bool(np.allclose(pose[3:], stored[3:]))


def test_a_part_map_that_ends_is_unknown_beyond(source: MeshSource) -> None:
    wide = MeshAugment(scale=0.9, rotation=0, flip=0, colour=0, occlusion=0)
    found = [sample_of(source, 0, seed, wide)["parts"] for seed in range(30)]
    assert any((parts == 255).any() for parts in found)
    plain = sample_of(source, 0, 0, None)["parts"]
    assert not (plain == 255).any() and len(np.unique(plain)) > 15


def test_mpii_supervises_the_joints_it_has_and_nothing_else(mpii: MeshSource) -> None:
    sample = sample_of(mpii, 3, 0, None)
    labelled = sample["keypoints"][:, 2] > 0
    assert not labelled[:OPENPOSE_JOINTS].any()
    names = {SPIN_24.joints[j] for j in np.flatnonzero(labelled[OPENPOSE_JOINTS:])}
    expected = {"neck" if j == "upper_neck" else j for j in mpii.images.skeleton.joints}
    assert names == expected and len(names) == 16
    assert spin_rows(mpii.images).tolist() == [0, 1, 2, 3, 4, 5, 14, 15, 12, 13, *range(6, 12)]
    matrix = plain_matrix(mpii.images.boxes[3], SIZE)
    points = mpii.images.points[3] @ matrix[:, :2].T + matrix[:, 2]
    np.testing.assert_allclose(pixels(sample)[12], points[8], atol=1e-3)
    assert (sample["parts"] == 255).all()
    for name in ("pose", "betas", "joints3d", "has_smpl", "has_3d"):
        assert not sample[name].any()


def test_other_joint_sets_are_refused(tmp_path: Path) -> None:
    images = write_images(tmp_path, joint_set="human36m_17")
    with pytest.raises(DataError, match=r"joints of human36m_17, expected one of spin_24, mpii_16"):
        MeshSource("human36m", images)


def test_colours_and_occluders_change_the_picture_alone(source: MeshSource) -> None:
    for change in (MeshAugment(occlusion=0.0, flip=0.0), MeshAugment(colour=0.0, flip=0.0)):
        still = MeshAugment(scale=0, rotation=0, flip=0, colour=change.colour, occlusion=1.0)
        sample, plain = sample_of(source, 0, 3, still), sample_of(source, 0, 3, None)
        assert (sample.pop("image") != plain.pop("image")).any()
        for name, array in sample.items():
            np.testing.assert_array_equal(array, plain[name])


def test_people_are_numbered_through_and_drawn_in_their_shares(
    source: MeshSource, mpii: MeshSource
) -> None:
    sources = MeshSources((mpii, source))
    assert [sources.find(item)[1] for item in (0, 11, 12, 14)] == [0, 11, 0, 2]
    assert sources.find(11)[0] is mpii and sources.find(12)[0] is source
    order = sources.order(MeshSamples(mix={"threedpw": 3, "mpii": 1}, epoch_samples=40), 7, 8)
    items = order.epoch(0)[:, 0]
    assert (items >= 12).sum() == 30 and items.max() == 14 and order.seed == 7
    sampler = MeshSampler(sources, SIZE, MeshAugment(), seed=7)
    with ThreadFeed(sampler, 2) as feed:
        batches = list(feed(order, 1))
    assert [len(batch) for batch in batches] == [8] * 5
    assert sum(batch.arrays["has_smpl"].sum() for batch in batches) == 30
    first = order.slices(1)[0]
    again = sampler(first.items[0], first.draws[0])
    for name, array in again.items():
        np.testing.assert_array_equal(array, batches[0].arrays[name][0])
    other = MeshSampler(sources, SIZE, MeshAugment(), seed=8)(first.items[0], first.draws[0])
    assert (other["image"] != again["image"]).any()


def test_a_mix_of_other_sources_is_refused(source: MeshSource, mpii: MeshSource) -> None:
    with pytest.raises(ConfigError, match=r"samples.mix = .*: the sources are mpii, threedpw"):
        MeshSources((source, mpii)).order(MeshSamples(mix={"threedpw": 1.0, "coco": 0.5}), 0, 8)
    alone = MeshSamples(mix={"threedpw": 1.0, "mpii": 0.0})
    assert alone.names == ("threedpw",)
    assert MeshSources((source,)).order(alone, 0, 8).size == 3
    assert MeshSamples(mix={"mpii": -1.0}).problems() and MeshSamples(mix={}).problems()
    assert MeshSamples(epoch_samples=-1).problems() and not MeshSamples().problems()
    nan = MeshSamples(mix={"mpii": float("nan")})
    assert nan.problems() == ["mix.mpii = nan: expected a number of 0 or more"]


def test_another_process_opens_the_same(source: MeshSource, tmp_path: Path) -> None:
    folder = source.images.folder
    files = [SourceFiles("threedpw", "train", folder, folder.parent / "labels")]
    opened = partial(open_sampler, files, SIZE, {"occlusion": 1.0}, 3)
    here = MeshSampler(MeshSources((source,)), SIZE, MeshAugment(occlusion=1.0), 3)
    for name, array in opened()(1, 4).items():
        np.testing.assert_array_equal(array, here(1, 4)[name])
    assert opened().sources.data_hash == here.sources.data_hash
    with pytest.raises(DataError, match=r"labels/train.parquet"):
        open_sampler([SourceFiles("mpii", "train", folder, tmp_path / "labels")], SIZE, {}, 0)


def test_boxes_and_images_that_are_damaged_are_named(tmp_path: Path) -> None:
    images = write_images(tmp_path, joint_set="mpii_16", count=4)
    source = MeshSource("mpii", images)
    broken = images.boxes.copy()
    broken[2, 2:] = 0
    object.__setattr__(images, "boxes", broken)
    with pytest.raises(DataError, match=r"train/0002: person 3: box 0 is"):
        sample_of(source, 2, 0, None)
    shard = next(tmp_path.glob("*.tar"))
    shard.write_bytes(shard.read_bytes().replace(b"\xff\xd9", b"xx"))
    with pytest.raises(DataError, match="truncated JPEG"):
        sample_of(MeshSource("mpii", ImageSet.load(tmp_path, "train")), 1, 0, MeshAugment())


def test_a_set_without_anyone_to_train_on_is_refused(tmp_path: Path) -> None:
    images = write_images(tmp_path, joint_set="mpii_16", count=2)
    object.__setattr__(images, "crowds", np.ones(2, bool))
    with pytest.raises(DataError, match="nobody with a box and a labelled joint"):
        MeshSource("mpii", images)


def test_a_damaged_part_map_is_named(source: MeshSource) -> None:
    assert source.labels is not None
    small = cv2.imencode(".png", np.zeros((3, 3), np.uint8))[1].tobytes()
    labels = replace(source.labels, _parts=pa.array([small] * 3, pa.binary()))
    with pytest.raises(DataError, match="row 0: parts: damaged"):
        sample_of(replace(source, labels=labels), 0, 0, None)
