"""Scoring detectors: whose answer belongs to whom, perfect answers, known errors, strange boxes."""

import numpy as np
import pytest
import torch
from torch import nn

from gsam.boxes.person_boxes import PersonBoxes
from gsam.detectors.config import DetectorConfig
from gsam.detectors.inference import Detector
from gsam.detectors.samples import usable_people
from gsam.detectors.scoring import (
    DEFINITIONS,
    boxes_from,
    look_at,
    precision,
    score,
    true_boxes,
)
from gsam.errors import DataError
from tests.synthetic_images import write_images

SETS = ("human36m_17", "coco_17", "mpii_16")


def config_of(joint_set):
    return DetectorConfig(joint_set=joint_set, height=64, width=64)


class Middle(nn.Module):
    """Answers every crop with a peak in the middle of every map."""

    def __init__(self, joints: int, value: float = 1.0) -> None:
        super().__init__()
        self.maps = torch.zeros(1, joints, 16, 16)
        self.maps[:, :, 8, 8] = value

    def forward(self, inputs):
        return (self.maps.expand(len(inputs), -1, -1, -1),)


def middle(joint_set, value=1.0, batch_size=4):
    config = config_of(joint_set)
    model = Middle(config.joints, value)
    return Detector(
        model, config, flip_test=False, quarter_offset=False, batch_size=batch_size, threads=2
    )


@pytest.mark.parametrize("joint_set", SETS)
def test_perfect_answers(tmp_path, joint_set):
    images = write_images(tmp_path, joint_set=joint_set, people_each=2)
    found = images.points, np.ones(images.visibility.shape, np.float32)
    figures = score(config_of(joint_set), images, true_boxes(images), found)
    for name, value in figures.items():
        assert value == pytest.approx(0.0 if "px" in name else 100.0), name
    assert set(DEFINITIONS[joint_set]) <= set(figures)


def test_known_errors_in_their_units(tmp_path):
    images = write_images(tmp_path, count=2)
    rows = images.rows.set_column(images.rows.schema.get_field_index("zoom"), "zoom", [[0.5, 0.25]])
    object.__setattr__(images, "rows", rows)
    found = images.points + np.array([3.0, 4.0]), np.ones((2, 17), np.float32)
    boxes = true_boxes(images)
    figures = score(config_of("human36m_17"), images, boxes, found)
    # A square input: the crop is 1.25 times the longer side of the box.
    scaled = 5.0 * 256 / (1.25 * boxes.xywh[:, 2:].max(axis=1))
    assert figures["mean_px"] == pytest.approx(scaled.mean(), rel=1e-5)
    # Source px = stored px / zoom.
    assert figures["mean_image_px"] == pytest.approx((5 / 0.5 + 5 / 0.25) / 2, rel=1e-5)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_answers_stay_with_their_people(tmp_path, batch_size):
    images = write_images(tmp_path, joint_set="coco_17", people_each=3)
    visibility = images.visibility.copy()
    visibility[4] = 0
    object.__setattr__(images, "visibility", visibility)
    boxes = true_boxes(images)
    assert len(boxes.image) == 17 and 4 not in usable_people(images)
    points, scores = look_at(middle("coco_17", batch_size=batch_size), images, boxes)
    centres = boxes.xywh[:, :2] + boxes.xywh[:, 2:] / 2
    np.testing.assert_allclose(points, np.repeat(centres[:, None], 17, axis=1), atol=0.01)
    assert (scores == 1).all()


def test_boxes_of_another_source(tmp_path):
    images = write_images(tmp_path, joint_set="coco_17", people_each=2)
    names = images.rows["image"].to_pylist()

    def source(asked, pictures):
        counts = [names.index(name) % 3 for name in asked]
        assert all(picture.shape == (96, 128, 3) for picture in pictures)
        return [
            PersonBoxes(np.full((n, 4), 20, np.float32), np.full(n, 0.5, np.float32))
            for n in counts
        ]

    boxes = boxes_from(images, source)
    assert boxes.image.tolist() == [1, 2, 2, 4, 5, 5]
    points, scores = look_at(middle("coco_17"), images, boxes)
    assert points.shape == (6, 17, 2) and (np.abs(points - 30) < 0.01).all()
    assert precision(config_of("coco_17"), images, boxes, (points, scores))["ap"] < 5


def test_nobody_is_not_an_answer_of_zero(tmp_path):
    images = write_images(tmp_path, joint_set="coco_17")
    object.__setattr__(images, "visibility", 0 * images.visibility)
    with pytest.raises(DataError, match="nobody with a box and a labelled joint"):
        true_boxes(images)


def test_an_answer_that_is_no_number_is_refused(tmp_path):
    images = write_images(tmp_path, joint_set="coco_17")
    with pytest.raises(DataError, match=r"image train/0000: .*not finite"):
        look_at(middle("coco_17", value=float("nan")), images, true_boxes(images))


def test_figures_of_two_datasets_are_not_averaged(tmp_path):
    images = write_images(tmp_path, count=2)
    assert images.dataset == "drawn_human36m_17"
    rows = images.rows.set_column(
        images.rows.schema.get_field_index("dataset"), "dataset", [["coco", "coco_twin"]]
    )
    object.__setattr__(images, "rows", rows)
    with pytest.raises(DataError, match=r"\['coco', 'coco_twin'\], expected one"):
        _ = images.dataset
