"""The twin of 3DPW: what is planned and staged, and that pickles, pictures and cameras agree."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from gsam.body.files import load_body
from gsam.body.smpl import SmplBody
from gsam.configs import build
from gsam.datasets.threedpw.pickles import read_sequence, sequence_files
from gsam.datasets.threedpw.sequence import Sequence3dpw
from gsam.datasets.threedpw.subsets import is_occluded
from gsam.errors import ConfigError
from gsam.images import decode_jpeg
from gsam.render.raster import rasterise
from gsam.twin.video import TwinVideoConfig
from gsam.twin.video.config import SPLITS
from gsam.twin.video.layout import write_sequence
from gsam.twin.video.sequences import SequencePlan, plan_sequences
from gsam.twin.video.shoot import Shoot, open_shoot
from gsam.twin.video.staging import draw_cast
from gsam.unpickle import load_pickle

SMALL = TwinVideoConfig(seconds=3.0, step=9, longer_side=160, seed=5)
ALL = TwinVideoConfig(**SPLITS)


def plan_of(name: str) -> SequencePlan:
    return next(plan for plan in plan_sequences(ALL) if plan.name == name)


# Two people in each other's way, one behind things, two apart, one alone.
KINDS = ["downtown_stairs_00", "flat_packBags_00", "downtown_arguing_00", "downtown_walking_00"]


@pytest.fixture(scope="module")
def shoots() -> dict[str, Shoot]:
    return {name: open_shoot(SMALL, plan_of(name)) for name in KINDS}


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("threedpw")
    for name in KINDS:
        assert write_sequence(folder, SMALL, plan_of(name)) == 10
    return folder


def sequence_of(raw: Path, name: str) -> Sequence3dpw:
    return read_sequence(raw / "sequenceFiles" / "test" / f"{name}.pkl")


def test_impossible_settings_are_named() -> None:
    assert TwinVideoConfig().problems() == [] and ALL.problems() == []
    wrong = {"train": 25, "validation": 0, "seconds": 0.5, "step": 0, "longer_side": 20, "seed": -1}
    with pytest.raises(ConfigError) as caught:
        build(TwinVideoConfig, wrong, "video")
    for name, value in wrong.items():
        assert f"video: {name} = {value}: expected" in str(caught.value)


def test_a_full_twin_has_the_originals_sequences() -> None:
    plans = plan_sequences(ALL)
    assert Counter(plan.split for plan in plans) == SPLITS
    assert len({plan.name for plan in plans}) == 60
    assert all(plan.occluded == is_occluded(plan.name) for plan in plans)
    assert 25 <= sum(plan.people == 2 for plan in plans) <= 35
    assert sum(plan.indoors for plan in plans) > 4 and sum(plan.lost for plan in plans) == 20


@pytest.mark.parametrize("count", [2, 4, 6])
def test_a_small_twin_has_every_kind_in_every_split(count: int) -> None:
    few = TwinVideoConfig(train=count, validation=count, test=count)
    for split in SPLITS:
        plans = [plan for plan in plan_sequences(few) if plan.split == split]
        assert [p.name for p in plans] == [p.name for p in plan_sequences(ALL) if p.split == split][
            :count
        ]
        assert {plan.occluded for plan in plans} == {True, False}
        assert {plan.people for plan in plans} == {1, 2}
        assert any(plan.people == 2 and plan.occluded for plan in plans)


def test_the_plans_of_a_small_twin_are_those_of_the_full_one() -> None:
    assert set(plan_sequences(SMALL)) <= set(plan_sequences(ALL))


def test_two_people_keep_their_distance() -> None:
    body = load_body()
    pairs = [plan for plan in plan_sequences(ALL) if plan.people == 2 and plan.split == "train"]
    for plan in pairs:
        cast = draw_cast(0, body, plan, 60)
        assert cast.clearance > (0.3 if plan.occluded else 1.0), plan.name
        assert len(cast.people) == 2


def test_only_occluded_sequences_have_something_in_the_way(shoots: dict[str, Shoot]) -> None:
    for name, shoot in shoots.items():
        shared, covered = [], []
        for number in range(10):
            rendered, _ = shoot.render(number)
            shared.append(
                int(rendered.silhouettes.all(axis=0).sum()) if shoot.plan.people > 1 else 0
            )
            covered.append(float(rendered.occluded[rendered.silhouettes[0]].mean()))
        overlap = np.mean(np.array(shared) > 30)
        if not shoot.plan.occluded:
            assert overlap == 0 and max(covered) == 0, name
        elif shoot.plan.people == 2:
            assert overlap >= 0.5, name
        else:
            assert np.mean(np.array(covered) > 0.03) >= 0.3, name


def test_people_fill_a_good_part_of_the_picture(shoots: dict[str, Shoot]) -> None:
    tall = []
    for shoot in shoots.values():
        for number in range(10):
            rendered, _ = shoot.render(number)
            for mask in rendered.silhouettes:
                rows = np.flatnonzero(mask.any(axis=1))
                tall.append((np.ptp(rows) + 1) / len(mask) if len(rows) else 0.0)
    assert np.quantile(tall, 0.1) > 0.3 and np.quantile(tall, 0.95) < 0.85
    assert 0.4 < np.median(tall) < 0.75


def test_the_camera_moves_smoothly_and_never_stands(shoots: dict[str, Shoot]) -> None:
    for shoot in shoots.values():
        centres = np.stack([camera.centre for camera in shoot.cameras])
        steps = np.linalg.norm(np.diff(centres, axis=0), axis=-1)
        assert steps.min() > 0.0 and steps.max() < 0.12
        assert np.linalg.norm(centres[-1] - centres[0]) > 0.05
        assert (np.abs(centres[:, 1] - 1.45) < 0.4).all()
        # The phone is held upright: the world's y is up in the picture.
        assert all(camera.R[1, 1] < -0.8 for camera in shoot.cameras)
        assert len({camera.fx for camera in shoot.cameras}) == 1


def test_a_longer_video_keeps_before_its_scenery() -> None:
    long = replace(SMALL, seconds=30.0, step=30)
    shoot = open_shoot(long, plan_of("downtown_walking_00"))
    ahead = shoot.cameras[len(shoot.cameras) // 2].R[2]
    assert min(camera.R[2] @ ahead for camera in shoot.cameras) > np.cos(np.radians(60))


def silhouette(sequence: Sequence3dpw, body: SmplBody, person: int, frame: int) -> np.ndarray:
    """The mask of a person's mesh, by nothing but what the pickle says."""
    pose = torch.tensor(sequence.poses[person, frame]).float().reshape(1, 24, 3)
    betas = torch.tensor(sequence.shapes[person]).float()[None]
    at = torch.tensor(sequence.translations[person, frame]).float()[None]
    world = body(betas, pose, at).vertices[0].double().numpy()
    camera = sequence.cameras[frame]
    seen = world @ camera[:3, :3].T + camera[:3, 3]
    screen = seen @ sequence.intrinsics.T
    width, height = np.rint(2 * sequence.intrinsics[:2, 2] + 1).astype(int)
    raster = rasterise(screen[:, :2] / screen[:, 2:], seen[:, 2], body.faces, height, width)
    return raster.image(np.ones(len(raster.pixels), bool), False)


def test_the_pickles_body_before_its_camera_is_the_pictures(
    raw: Path, shoots: dict[str, Shoot]
) -> None:
    body = load_body()
    for name, shoot in shoots.items():
        sequence = sequence_of(raw, name)
        for number in (0, 4, 9):
            frame = 9 * number
            if not sequence.tracked[0, frame]:
                continue
            rendered, _ = shoot.render(number)
            for person, drawn in enumerate(rendered.silhouettes):
                mask = silhouette(sequence, body, person, frame)
                # Clothes and hair stand off the skin, so that they cover it and a little more.
                assert (mask & drawn).sum() / mask.sum() > 0.985, (name, frame)
                assert (mask & drawn).sum() / (mask | drawn).sum() > 0.72, (name, frame)
                moved = replace(sequence, translations=sequence.translations + 0.1)
                wrong = silhouette(moved, body, person, frame)
                assert (wrong & drawn).sum() / wrong.sum() < 0.93, (name, frame)


def test_lost_frames_have_another_camera(raw: Path, shoots: dict[str, Shoot]) -> None:
    body, name = load_body(), "downtown_stairs_00"
    sequence, shoot = sequence_of(raw, name), shoots[name]
    lost = np.flatnonzero(~sequence.tracked[0])
    assert shoot.plan.lost and 0 < len(lost) < 20
    assert np.array_equal(sequence.tracked[0], sequence.tracked[1])
    frame = next(int(f) for f in lost if f % 9 == 0)
    drawn = shoot.render(frame // 9)[0].silhouettes[1]
    mask = silhouette(sequence, body, 1, frame)
    assert (mask & drawn).sum() / (mask | drawn).sum() < 0.6
    for other in KINDS:
        assert plan_of(other).lost or sequence_of(raw, other).tracked.all()


def test_the_layout_is_the_originals(raw: Path) -> None:
    assert sorted(p.name for p in (raw / "imageFiles").iterdir()) == sorted(KINDS)
    for name in KINDS:
        files = sorted((raw / "imageFiles" / name).iterdir())
        assert [f.name for f in files] == [f"image_{i:05d}.jpg" for i in range(0, 90, 9)]
        picture = decode_jpeg(files[0].read_bytes(), name)
        assert sorted(picture.shape[:2]) == [90, 160]
    for split in ("train", "validation"):
        (raw / "sequenceFiles" / split).mkdir(exist_ok=True)
        (raw / "sequenceFiles" / split / "x.pkl").write_bytes(b"")
    assert {path.stem for path in sequence_files(raw)["test"]} == set(KINDS)


def test_the_pickle_has_the_originals_keys_and_shapes(raw: Path) -> None:
    body = load_body()
    content = load_pickle(raw / "sequenceFiles" / "test" / "downtown_stairs_00.pkl")
    assert content["sequence"] == "downtown_stairs_00"
    assert set(content["genders"]) <= {"m", "f"} and len(content["genders"]) == 2
    shapes = {
        "poses": (90, 72), "trans": (90, 3), "poses_60Hz": (180, 72), "trans_60Hz": (180, 3),
        "betas": (10,), "jointPositions": (90, 72), "poses2d": (90, 3, 18), "campose_valid": (90,),
    }  # fmt: skip
    for key, shape in shapes.items():
        assert [array.shape for array in content[key]] == [shape, shape], key
    assert content["cam_poses"].shape == (90, 4, 4)
    assert content["cam_intrinsics"].shape == (3, 3)
    rows = content["img_frame_ids"]
    assert np.array_equal(content["poses_60Hz"][1][rows], content["poses"][1])
    assert np.array_equal(content["trans_60Hz"][1][rows], content["trans"][1])
    pose = torch.tensor(content["poses"][1]).float().reshape(-1, 24, 3)
    betas = torch.tensor(content["betas"][1]).float().expand(90, -1)
    joints = body.joints(betas, pose, torch.tensor(content["trans"][1]).float())
    stored = content["jointPositions"][1].reshape(90, 24, 3)
    np.testing.assert_allclose(stored, joints.numpy(), atol=2e-5)
    # Feet on the floor, y up.
    assert -0.02 < stored[:, [10, 11], 1].min() < 0.1 and stored[:, 15, 1].max() > 0.5


def test_motion_is_as_fast_as_people_are(raw: Path) -> None:
    for name in KINDS:
        content = load_pickle(raw / "sequenceFiles" / "test" / f"{name}.pkl")
        for joints in content["jointPositions"]:
            speed = 30 * np.linalg.norm(np.diff(joints.reshape(-1, 24, 3), axis=0), axis=-1)
            assert speed.max() < 9.0 and speed[:, [20, 21]].max() > 0.1
        walked = np.ptp(content["trans"][0][:, [0, 2]], axis=0).max()
        assert walked > 1.0 or name != "downtown_walking_00"


def test_detections_lie_on_the_joints_and_drop_where_something_hides_them(
    raw: Path, shoots: dict[str, Shoot]
) -> None:
    confident: dict[bool, list[bool]] = {True: [], False: []}
    for name in KINDS:
        sequence, shoot = sequence_of(raw, name), shoots[name]
        content = load_pickle(raw / "sequenceFiles" / "test" / f"{name}.pkl")
        for person, points in enumerate(sequence.points):
            found = points[..., 2] > 0
            assert (points[~found] == 0).all()
            counts = found.sum(axis=1)
            assert ((counts == 0) | (counts >= 6)).all()
            assert points[..., 2].max() < 1.0
            # SMPL's knees, of rows 9 and 12 in OpenPose's order.
            knees = content["jointPositions"][person].reshape(-1, 24, 3)[:, [5, 4]]
            pixels = np.stack(
                [c.project(c.world_to_camera(k)) for c, k in zip(shoot.cameras, knees, strict=True)]
            )
            off = np.linalg.norm(points[:, [9, 12], :2] - pixels, axis=-1)[found[:, [9, 12]]]
            assert np.median(off) < 3.0
        levels = np.stack([shoot.film(number)[1] for number in range(10)])
        for number in range(10):
            for person, points in enumerate(sequence.points):
                elbows = points[9 * number, [3, 6], 2] > 0
                for elbow, seen in zip(elbows, levels[number, person, [15, 12]], strict=True):
                    confident[bool(seen == 1)].append(elbow)
    assert np.mean(confident[False]) > 0.8 > 0.5 > np.mean(confident[True])


def test_the_same_settings_give_the_same_bytes(raw: Path, tmp_path: Path) -> None:
    name = "downtown_stairs_00"
    write_sequence(tmp_path, SMALL, plan_of(name))
    files = [p.relative_to(tmp_path) for p in sorted(tmp_path.rglob("*")) if p.is_file()]
    assert len(files) == 11
    for file in files:
        assert (tmp_path / file).read_bytes() == (raw / file).read_bytes(), file


def test_another_seed_is_another_video() -> None:
    once, other = (open_shoot(replace(SMALL, seed=seed), plan_of(KINDS[3])) for seed in (5, 6))
    assert once.cast.people[0].betas.tolist() != other.cast.people[0].betas.tolist()
    assert once.film(3)[0] != other.film(3)[0]


def test_clothes_and_shapes_stay_the_same_in_a_sequence_and_differ_between_them(
    shoots: dict[str, Shoot],
) -> None:
    people = [person for shoot in shoots.values() for person in shoot.cast.people]
    assert len({person.betas.tobytes() for person in people}) == len(people) == 6
    assert len({person.looks.top.colour.tobytes() for person in people}) > 3
    assert {person.gender for person in people} == {"m", "f"}
