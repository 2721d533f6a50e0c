"""Samples: joints stay on their pixels, labels follow mirrors, nothing outside supervises."""

import numpy as np
import pytest

from gsam.detectors.augment import AugmentConfig
from gsam.detectors.config import DetectorConfig
from gsam.detectors.samples import make_sample, usable_people
from gsam.errors import DataError
from gsam.images import ImageSet, ImageWriter, People, encode_jpeg
from gsam.skeletons import H36M_17
from tests.synthetic_images import draw_dots, write_images

CONFIG = DetectorConfig(height=128, width=96)
NOTHING = AugmentConfig(scale=0, rotate_probability=0, flip=0, half_body=0)
EVERYTHING = AugmentConfig(mosaic=0.5, mixup=0.5, colour=0.2)


def rng(seed=0):
    return np.random.default_rng(seed)


def one_dot_set(folder, *, others=3):
    """Person 0 has one labelled joint, the left wrist, drawn white; everybody else is black."""
    points = np.stack([np.linspace(30, 90, 17), np.linspace(20, 75, 17)], axis=1)
    wrist = H36M_17.index("left_wrist")
    with ImageWriter(folder, "train", "drawn", "human36m_17", "tests") as writer:
        for number in range(1 + others):
            levels = np.zeros((1, 17), np.uint8)
            levels[0, wrist] = 3
            dot = points[[wrist]] if number == 0 else points[:0]
            people = People(
                points[None], levels, np.array([[25, 15, 70, 65]]), np.ones(1),
                np.zeros(1, bool), np.array([number]),
            )  # fmt: skip
            jpeg = encode_jpeg(draw_dots(dot, 96, 128), 100)
            writer.add(jpeg, image=f"{number}", people=people)
    return ImageSet.load(folder, "train"), wrist


@pytest.mark.parametrize(
    "augment",
    [
        None,
        AugmentConfig(),
        AugmentConfig(mosaic=1.0),
        AugmentConfig(mixup=1.0),
        AugmentConfig(mosaic=1.0, mixup=1.0, colour=0.3),
    ],
)
def test_the_supervised_joint_is_where_its_dot_is(tmp_path, augment):
    images, wrist = one_dot_set(tmp_path)
    seen = flipped = 0
    for seed in range(40):
        sample = make_sample(images, 0, CONFIG, augment, rng(seed))
        rows, columns = np.nonzero(sample.image.max(axis=2) > 60)
        joints = np.flatnonzero(sample.weight)
        if len(joints) == 0:
            continue
        seen += 1
        # The mirrored person's right wrist is the left one's pixel.
        assert joints.tolist() in ([wrist], [H36M_17.mirror_permutation[wrist]])
        flipped += joints[0] != wrist
        found = np.array([columns.mean(), rows.mean()])
        at_edge = (sample.points[joints[0]] < 6).any() or (
            sample.points[joints[0]] > np.array([96, 128]) - 6
        ).any()
        np.testing.assert_allclose(found, sample.points[joints[0]], atol=5.0 if at_edge else 1.0)
    assert seen >= 20
    assert (flipped > 5) == (augment is not None)


def test_a_joint_outside_does_not_supervise(tmp_path):
    images = write_images(tmp_path, dots=True)
    for seed in range(60):
        sample = make_sample(images, seed % 6, CONFIG, EVERYTHING, rng(seed))
        on = sample.weight > 0
        assert (sample.points[~on] == 0).all()
        assert (sample.points[on] >= -0.5).all()
        assert (sample.points[on] < np.array([96, 128]) - 0.5).all()
        assert sample.image.shape == (128, 96, 3) and sample.image.dtype == np.uint8
        assert sample.points.dtype == sample.weight.dtype == np.float32
        assert sample.image.flags.c_contiguous


def test_unlabelled_joints_do_not_supervise(tmp_path):
    images, wrist = one_dot_set(tmp_path)
    assert np.flatnonzero(make_sample(images, 0, CONFIG, None, rng()).weight).tolist() == [wrist]


def test_in_a_mosaic_only_the_target_supervises_inside_its_tile(tmp_path):
    images = write_images(tmp_path, count=8)
    only = AugmentConfig(scale=0, rotate_probability=0, flip=0, half_body=0, mosaic=1.0)
    plain = make_sample(images, 2, CONFIG, None, rng())
    for seed in range(20):
        sample = make_sample(images, 2, CONFIG, only, rng(seed))
        on = sample.weight > 0
        assert on.sum() >= 10
        # The same person, smaller: joints of the plain crop under one scale and one shift.
        spread = np.ptp(sample.points[on], axis=0) / np.ptp(plain.points[on], axis=0)
        assert spread[0] == pytest.approx(spread[1], rel=1e-4) and 0.54 <= spread[0] <= 0.76


def test_a_mix_moves_no_joint(tmp_path):
    images = write_images(tmp_path)
    only = AugmentConfig(scale=0, rotate_probability=0, flip=0, half_body=0, mixup=1.0)
    plain = make_sample(images, 1, CONFIG, None, rng())
    mixed = make_sample(images, 1, CONFIG, only, rng(5))
    np.testing.assert_array_equal(mixed.points, plain.points)
    np.testing.assert_array_equal(mixed.weight, plain.weight)
    assert (mixed.image != plain.image).any()


def test_without_anybody_else_there_is_no_mosaic_and_no_mix(tmp_path):
    images = write_images(tmp_path, count=1)
    both = AugmentConfig(scale=0, rotate_probability=0, flip=0, half_body=0, mosaic=1, mixup=1)
    plain, alone = (make_sample(images, 0, CONFIG, a, rng(1)) for a in (None, both))
    np.testing.assert_array_equal(plain.image, alone.image)


def test_same_generator_same_sample(tmp_path):
    images = write_images(tmp_path)
    for seed in range(20):
        one, two = (make_sample(images, 3, CONFIG, EVERYTHING, rng(seed)) for _ in range(2))
        for name in ("image", "points", "weight"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name))
    plain = [make_sample(images, 3, CONFIG, None, rng(seed)).image for seed in (0, 1)]
    np.testing.assert_array_equal(*plain)
    nothing = make_sample(images, 3, CONFIG, NOTHING, rng())
    np.testing.assert_array_equal(plain[0], nothing.image)


def test_cpn_tells_visible_from_hidden(tmp_path):
    images = write_images(tmp_path)
    cpn = DetectorConfig(name="cpn", height=128, width=96)
    weight = make_sample(images, 0, cpn, None, rng()).weight
    np.testing.assert_array_equal(weight, np.array([0, 1, 1, 2])[images.visibility[0]])
    assert set(make_sample(images, 0, CONFIG, None, rng()).weight.tolist()) == {1.0}


def test_bad_input_is_named(tmp_path):
    images = write_images(tmp_path)
    coco = DetectorConfig(joint_set="coco_17", height=128, width=96)
    with pytest.raises(DataError, match="joints of human36m_17, expected coco_17"):
        make_sample(images, 0, coco, None, rng())
    boxes = images.boxes.copy()
    boxes[0, 2] = 0
    object.__setattr__(images, "boxes", boxes)
    with pytest.raises(DataError, match=r"train/0000: person 1: .*width > 0"):
        make_sample(images, 0, CONFIG, None, rng())
    assert usable_people(images).tolist() == [1, 2, 3, 4, 5]


def test_who_is_usable(tmp_path):
    images = write_images(tmp_path, people_each=2)
    visibility, crowds = images.visibility.copy(), images.crowds.copy()
    visibility[3], crowds[5] = 0, True
    object.__setattr__(images, "visibility", visibility)
    object.__setattr__(images, "crowds", crowds)
    assert usable_people(images).tolist() == [0, 1, 2, 4, 6, 7, 8, 9, 10, 11]
