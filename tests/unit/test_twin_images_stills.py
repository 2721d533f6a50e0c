"""Stills of the twin: scenes that make sense, poses within reach, labels that agree."""

import numpy as np
import pytest

from gsam.body.files import load_body
from gsam.configs import build
from gsam.errors import ConfigError
from gsam.images import decode_jpeg
from gsam.skeletons import COCO_17, MPII_16
from gsam.twin.images import TwinImagesConfig
from gsam.twin.images.landmarks import FACE_VERTICES, LANDMARKS
from gsam.twin.images.parts import Labels
from gsam.twin.images.poses import PARTNERS, RANGES, draw_poses, draw_shape, within_ranges
from gsam.twin.images.scenes import KINDS, NEAREST, draw_camera, draw_counts, draw_scene
from gsam.twin.images.stills import draw_stills, run_lengths
from gsam.twin.subjects import stream

SMALL = TwinImagesConfig(still_size=128, supersample=1, seed=4)

Stills = list[tuple[int, bytes, Labels]]


@pytest.fixture(scope="module")
def stills() -> Stills:
    return list(draw_stills(SMALL, "coco", "train", 0, 16))


def test_impossible_settings_are_named() -> None:
    assert TwinImagesConfig().problems() == []
    wrong = {"step": 0, "views": 5, "size": 8, "coco_val": 0, "seed": -1}
    with pytest.raises(ConfigError) as caught:
        build(TwinImagesConfig, wrong, "images")
    for name in wrong:
        assert f"images: {name} = {wrong[name]}: expected" in str(caught.value)
    with pytest.raises(ConfigError, match="did you mean 'views'"):
        build(TwinImagesConfig, {"view": 1}, "images")


def test_face_vertices_lie_where_eyes_and_ears_are() -> None:
    rest = load_body().v_template.numpy()
    at = {name: rest[vertex] for name, vertex in FACE_VERTICES.items()}
    nose = rest[38]
    for feature in ("eye", "ear"):
        left, right = at[f"left_{feature}"], at[f"right_{feature}"]
        assert left[0] > 0.02
        np.testing.assert_allclose(left * (-1.0, 1.0, 1.0), right, atol=2e-3)
        assert 0.02 < left[1] - nose[1] < 0.06
    # Ears are the sides of the head, behind the eyes.
    assert at["left_ear"][0] > 2.5 * at["left_eye"][0]
    assert at["left_eye"][2] - at["left_ear"][2] > 0.08


def test_landmarks_hold_every_joint_of_the_sets() -> None:
    assert LANDMARKS.size == 22
    assert set(COCO_17.joints) | set(MPII_16.joints) <= set(LANDMARKS.joints)


def test_poses_are_rotations_of_three_kinds() -> None:
    rng, body = np.random.default_rng(0), load_body()
    poses = draw_poses(rng, body, 30)
    assert poses.shape == (30, 24, 3, 3)
    product = poses @ np.swapaxes(poses, -1, -2)
    np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), product.shape), atol=1e-6)
    assert np.linalg.det(poses).min() > 0.99
    assert len(np.unique(poses[:, 16].reshape(30, -1).round(3), axis=0)) == 30
    assert draw_poses(rng, body, 0).shape == (0, 24, 3, 3)
    again = draw_poses(np.random.default_rng(0), body, 30)
    assert np.array_equal(poses, again)


def test_drawn_joints_stay_within_their_ranges() -> None:
    poses = within_ranges(np.random.default_rng(1), 400)
    for joint, ranges in RANGES.items():
        for drawn, sign in ((joint, 1), (PARTNERS.get(joint, joint), -1)):
            if drawn == joint and sign < 0:
                continue
            matrix = poses[:, drawn]
            # R = Rz Ry Rx
            x = np.degrees(np.arctan2(matrix[:, 2, 1], matrix[:, 2, 2]))
            z = np.degrees(np.arctan2(matrix[:, 1, 0], matrix[:, 0, 0])) * sign
            (xlow, xhigh), (ylow, yhigh), (zlow, zhigh) = ranges
            if max(abs(ylow), abs(yhigh)) >= 90:
                continue
            assert xlow - 1e-6 <= x.min() and x.max() <= xhigh + 1e-6
            assert zlow - 1e-6 <= z.min() and z.max() <= zhigh + 1e-6
    shapes = np.stack([draw_shape(np.random.default_rng(i)) for i in range(200)])
    assert np.abs(shapes).max() <= 2.0 and shapes.std() > 0.8


@pytest.mark.parametrize("dataset", sorted(KINDS))
def test_people_stand_on_one_floor_before_the_camera(dataset: str) -> None:
    kind, seen = KINDS[dataset], set()
    body = np.random.default_rng(9).uniform(-0.4, 0.4, (200, 3)) * (1.0, 2.2, 1.0)
    for seed in range(60):
        rng = np.random.default_rng(seed)
        people, crowd = draw_counts(rng, kind)
        seen.add(people)
        camera = draw_camera(rng, kind, 160)
        assert max(camera.width, camera.height) == 160
        scene = draw_scene(rng, kind, camera, [body] * (people + crowd), people)
        up = camera.R[:, 2]
        for place in scene.places:
            assert (body + place)[:, 2].min() >= NEAREST - 1e-9
        for place in scene.places[:1]:
            assert ((body + place) @ up).min() == pytest.approx(scene.floor, abs=1e-9)
        for place in scene.places[people:]:
            height = np.ptp(camera.project(body + place)[:, 1])
            assert height < 0.4 * camera.height
    assert seen == set(range(1, len(kind.people) + 1))


def test_labels_agree_with_one_another(stills: Stills) -> None:
    assert [number for number, *_ in stills] == list(range(16))
    people = 0
    for _, jpeg, label in stills:
        assert decode_jpeg(jpeg, "still").shape == (label["height"], label["width"], 3)
        for person in label["people"]:
            points, levels = np.array(person["points"]), np.array(person["levels"])
            assert points.shape == (22, 2) and levels.shape == (22,)
            size = np.array([label["width"], label["height"]])
            outside = ((np.rint(points) < 0) | (np.rint(points) >= size)).any(axis=1)
            assert np.array_equal(levels == 0, outside)
            assert ("box" in person) or (levels < 2).all()
            if "box" not in person:
                continue
            people += 1
            x, y, width, height = person["box"]
            assert 0 <= x < x + width <= size[0] and 0 <= y < y + height <= size[1]
            assert 0 < person["area"] <= width * height
            visible = points[levels == 3]
            # On the dressed body, whose borders a joint's pixel may miss by one.
            assert (visible > (x - 2, y - 2)).all()
            assert (visible < (x + width + 1, y + height + 1)).all()
            head = np.array(person["head"])
            extent = np.array(person["extent"])
            assert (head[:2] >= extent[:2] - 1e-3).all() and (head[2:] < extent[2:] + 1e-3).all()
    assert people > 16


def test_some_people_are_cut_hidden_or_small(stills: Stills) -> None:
    people = [person for _, _, label in stills for person in label["people"]]
    levels = np.array([person["levels"] for person in people])
    assert (levels == 0).any(axis=1).mean() > 0.15
    assert (levels == 1).any(axis=1).mean() > 0.2
    areas = [person["area"] for person in people if "box" in person]
    assert max(areas) > 10 * min(areas)


def test_crowds_are_outlined_together() -> None:
    words = ("images", "coco", "val")
    crowded = [
        number
        for number in range(400)
        if draw_counts(stream(SMALL.seed, *words, str(number), "people"), KINDS["coco"])[1]
    ]
    assert 4 <= len(crowded) <= 40
    drawn = (draw_stills(SMALL, "coco", "val", number, number + 1) for number in crowded)
    seen = (still for (still,) in drawn if still[2]["crowd"])
    label = next(seen)[2]
    (crowd,) = label["crowd"]
    assert sum(crowd["counts"]) == label["width"] * label["height"]
    assert sum(crowd["counts"][1::2]) == crowd["area"]


@pytest.mark.parametrize("corner", [False, True])
def test_run_lengths_go_down_the_columns_and_start_with_zeros(corner: bool) -> None:
    mask = np.zeros((3, 4), dtype=bool)
    mask[1:, 1] = True
    mask[0, 2] = True
    mask[0, 0] = corner
    assert run_lengths(mask) == ([0, 1, 3, 3, 5] if corner else [4, 3, 5])
    assert run_lengths(np.ones((2, 2), dtype=bool)) == [0, 4]


def test_stills_do_not_depend_on_their_neighbours(stills: Stills) -> None:
    again = list(draw_stills(SMALL, "coco", "train", 0, 16))
    assert again == stills
    val = list(draw_stills(SMALL, "coco", "val", 0, 2))
    assert val[0][1] != stills[0][1]
