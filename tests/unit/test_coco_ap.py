"""COCO AP: what is ignored, what scores a person, what is refused."""

import numpy as np
import pytest

from gsam.errors import DataError
from gsam.metrics.coco_ap import (
    FIGURES,
    DetectedPeople,
    average_precision,
    ground_truth,
    person_scores,
    results,
)
from tests.synthetic_images import write_images


@pytest.fixture
def images(tmp_path):
    return write_images(tmp_path, "val", joint_set="coco_17", people_each=2)


def perfect(images, keep=slice(None)):
    people = len(images.points[keep])
    return DetectedPeople(
        image=images.person_image[keep],
        points=images.points[keep].astype(float),
        scores=np.full((people, 17), 0.8),
        box_scores=np.linspace(0.5, 1, people),
        areas=images.areas[keep].astype(float),
    )


def with_field(images, **fields):
    for name, value in fields.items():
        object.__setattr__(images, name, value)
    return images


def test_perfect_and_none(images):
    figures = average_precision(images, perfect(images))
    assert set(figures) <= set(FIGURES) and figures["ap"] == figures["ar"] == pytest.approx(100)
    missed = average_precision(images, perfect(images, slice(0, 0)))
    assert missed["ap"] == missed["ar"] == 0.0


def test_a_size_class_without_people_is_left_out(images):
    small = with_field(images, areas=np.full(12, 2000.0, np.float32))
    figures = average_precision(small, perfect(small))
    assert "apm" in figures and "apl" not in figures and "arl" not in figures


def test_the_first_person_can_be_missed_by_nobody_else(images):
    # pycocotools takes a match with person 0 for no match: ours are numbered from 1.
    assert [a["id"] for a in ground_truth(images)["annotations"]] == list(range(1, 13))
    only = average_precision(images, perfect(images, slice(0, 1)))
    assert only["ar"] == pytest.approx(100 / 12)


def test_crowds_and_unlabelled_people_are_neither_found_nor_missed(images):
    visibility, crowds = images.visibility.copy(), images.crowds.copy()
    visibility[0], crowds[2] = 0, True
    with_field(images, visibility=visibility, crowds=crowds)
    kept = np.setdiff1d(np.arange(12), [0, 2])
    for found in (kept, np.arange(12)):
        assert average_precision(images, perfect(images, found))["ap"] == pytest.approx(100)


def test_flags_are_cocos(images):
    visibility = images.visibility.copy()
    visibility[0, :4] = 0, 1, 2, 3
    truth = ground_truth(with_field(images, visibility=visibility))["annotations"][0]
    assert truth["keypoints"][2:12:3] == [0, 1, 1, 2] and truth["keypoints"][:2] == [0, 0]
    assert truth["num_keypoints"] == 16


def test_a_persons_score(images):
    scores = [[0.1, 0.2, 0.4, 0.8], [0.1, 0.1, 0.2, 0.0]]
    np.testing.assert_allclose(person_scores(scores, [0.5, 1.0]), [0.3, 0.0])


def test_doubles_are_suppressed_within_their_image_only(images):
    found = perfect(images)
    double = DetectedPeople(
        image=np.append(found.image, [found.image[3], found.image[4]]),
        points=np.concatenate([found.points, found.points[3:4], found.points[3:4]]),
        scores=np.concatenate([found.scores, found.scores[:2]]),
        box_scores=np.append(found.box_scores, [0.01, 0.01]),
        areas=np.append(found.areas, found.areas[[3, 3]]),
    )
    listed = results(double)
    # The copy of person 3 in its own image is gone, the one in the next image is not.
    assert len(listed) == 13
    assert sum(person["score"] < 0.1 for person in listed) == 1


def test_bad_input(images, capsys):
    found = perfect(images)
    found.points[3, 4, 0] = np.nan
    with pytest.raises(DataError, match="not finite"):
        average_precision(images, found)
    unlabelled = with_field(images, visibility=0 * images.visibility)
    with pytest.raises(DataError, match="no person with a labelled joint"):
        average_precision(unlabelled, perfect(images))
    assert capsys.readouterr().out == ""
