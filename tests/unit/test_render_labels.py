"""Labels of pictures: the four levels of visibility, boxes, areas, part maps."""

import numpy as np
import pytest

from gsam.errors import DataError
from gsam.render.labels import (
    HIDDEN,
    OUTSIDE,
    SELF_OCCLUDED,
    VISIBLE,
    joint_parts,
    joint_visibility,
    part_map,
    person_area,
    person_box,
)
from gsam.render.occluders import Occluders
from gsam.render.scene import Rendered, render
from gsam.skeletons import COCO_17, H36M_17, MPII_16, SMPL_24, Skeleton
from tests.unit.render_fixtures import (
    CLEAN,
    HEIGHT,
    WIDTH,
    body_mesh,
    figure,
    joint,
    picture,
    plain,
)

PARTS = joint_parts(H36M_17)


def covered(rows: slice) -> Rendered:
    """The standing figure with a bar across the picture."""
    alpha = np.zeros((HEIGHT, WIDTH), dtype=np.float32)
    alpha[rows] = 1.0
    things = Occluders(alpha, np.zeros((HEIGHT, WIDTH, 3), dtype=np.float32))
    return render(body_mesh(), [figure()], plain(), things, CLEAN, np.random.default_rng(0))


def test_someone_who_faces_the_camera_is_visible() -> None:
    levels = joint_visibility(picture(figure()), [figure()], 0, PARTS)
    assert (levels == VISIBLE).all()


def test_a_face_seen_from_behind_is_hidden_by_the_head() -> None:
    someone = figure(back=True)
    levels = joint_visibility(picture(someone), [someone], 0, PARTS)
    assert levels[joint("nose")] == SELF_OCCLUDED
    assert levels[joint("left_knee")] == VISIBLE


def test_things_hide_joints() -> None:
    someone = figure()
    row = round(float(someone.joints_screen[joint("left_knee"), 1]))
    levels = joint_visibility(covered(slice(row - 2, row + 3)), [someone], 0, PARTS)
    knees = [joint("left_knee"), joint("right_knee")]
    assert (levels[knees] == HIDDEN).all()
    assert (np.delete(levels, knees) == VISIBLE).all()


def test_another_person_hides_joints_only_from_the_front() -> None:
    someone, behind, before = figure(), figure((0, 0, 5.0)), figure((0, 0, 3.0))
    far = picture(someone, behind)
    near = picture(someone, before)
    assert (joint_visibility(far, [someone, behind], 0, PARTS) == VISIBLE).all()
    levels = joint_visibility(near, [someone, before], 0, PARTS)
    assert (levels == HIDDEN).sum() > 8
    assert (joint_visibility(near, [someone, before], 1, PARTS) != HIDDEN).all()


def test_joints_outside_of_the_picture() -> None:
    someone = figure((0.0, 0.95, 4.0))
    levels = joint_visibility(picture(someone), [someone], 0, PARTS)
    assert (levels[[joint("left_ankle"), joint("right_ankle")]] == OUTSIDE).all()
    assert levels[joint("head_top")] == VISIBLE


@pytest.mark.parametrize("skeleton", [H36M_17, COCO_17, MPII_16, SMPL_24])
def test_joint_sets_are_known(skeleton: Skeleton) -> None:
    parts = joint_parts(skeleton)
    assert parts.own.shape == (skeleton.size, 25) and not parts.own[:, 0].any()
    assert (parts.radius > 0.02).all()
    mirrored = list(skeleton.mirror_permutation)
    np.testing.assert_array_equal(parts.radius, parts.radius[mirrored])


def test_unknown_joint_is_an_error() -> None:
    with pytest.raises(DataError, match="joint 'tail'"):
        joint_parts(Skeleton("cat", ("pelvis", "tail"), (None, "pelvis")))


def test_box_is_tight() -> None:
    rendered = picture(figure())
    box = person_box(rendered, 0)
    assert box is not None
    x, y, w, h = box
    rows, columns = np.nonzero(rendered.person == 0)
    assert (x, y) == (columns.min() - 0.5, rows.min() - 0.5)
    assert (x + w, y + h) == (columns.max() + 0.5, rows.max() + 0.5)
    assert person_area(rendered, 0) == len(rows)
    # 80 % of the picture and a little for hair, soles and the chest's being nearer.
    assert 0.78 * HEIGHT < h < 0.87 * HEIGHT


def test_what_is_hidden_counts_only_amodally() -> None:
    whole, cut = picture(figure()), covered(slice(60, None))
    seen, full = person_box(cut, 0), person_box(cut, 0, amodal=True)
    assert seen is not None and full is not None
    assert seen[1] + seen[3] == 59.5
    np.testing.assert_array_equal(full, person_box(whole, 0))
    assert person_area(cut, 0) < person_area(cut, 0, amodal=True) == person_area(whole, 0)
    assert person_box(covered(slice(None)), 0) is None
    assert not part_map(covered(slice(None)), 0, 8).any()


def test_part_map_of_the_whole_picture() -> None:
    rendered = picture(figure())
    side = max(HEIGHT, WIDTH)
    found = part_map(rendered, 0, side, (-0.5, -0.5, side, side))
    np.testing.assert_array_equal(found[:HEIGHT, :WIDTH], rendered.parts)
    assert not found[:, WIDTH:].any()
    coarse = part_map(rendered, 0, 12)
    assert coarse.shape == (12, 12) and coarse.any()


def test_part_map_of_a_box_around_one_of_two() -> None:
    rendered = picture(figure((0.35, 0, 4)), figure((-0.35, 0, 4)))
    box = person_box(rendered, 1)
    assert box is not None
    found = part_map(rendered, 1, 56, tuple(map(float, box)))  # type: ignore[arg-type]
    left_half, right_half = found[:, :28], found[:, 28:]
    assert {5, 6} <= set(np.unique(found)) and left_half.any() and right_half.any()
    assert not part_map(rendered, 1, 56, (200.0, 0.0, 50.0, 50.0)).any()
