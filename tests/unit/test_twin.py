"""The twin's files: the community's layout, the same bytes every time, people in the pictures."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.errors import ConfigError
from gsam.twin import TwinConfig, archive, generate
from gsam.twin.actions import ACTIONS
from gsam.twin.sheet import contact_sheet, main
from gsam.twin.subjects import BETAS, plan_takes, take_names
from gsam.unpickle import load_object_npz

SMALL = TwinConfig(frames_per_take=40, seed=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("twin")
    generate(target, SMALL)
    return target


@pytest.fixture(scope="module")
def positions(folder: Path) -> dict[str, dict[str, NDArray[np.float32]]]:
    return load_object_npz(folder / archive.THREE_D, "positions_3d")


def keypoints(folder: Path, name: str) -> dict[str, dict[str, list[NDArray[np.float32]]]]:
    return load_object_npz(folder / name, "positions_2d")


def test_subjects_and_takes_are_those_of_the_benchmark(positions: dict) -> None:
    assert list(positions) == ["S1", "S5", "S6", "S7", "S8", "S9", "S11"]
    assert [len(takes) for takes in positions.values()] == [30] * 6 + [29]
    assert {"Directions", "Directions 1", "Sitting 1", "Sitting 2"} <= set(positions["S1"])
    assert "Discussion 3" in positions["S5"]
    assert "Directions" not in positions["S11"] and "Directions 1" in positions["S11"]
    assert {take.split(" ")[0] for take in positions["S9"]} == set(ACTIONS)


def test_positions_are_metres_in_the_world(positions: dict) -> None:
    frames = [len(take) for takes in positions.values() for take in takes.values()]
    assert min(frames) >= 32 and max(frames) <= 48
    assert np.mean(frames) == pytest.approx(40, abs=1.5)
    for takes in positions.values():
        for take in takes.values():
            assert take.dtype == np.float32 and take.shape[1:] == (32, 3)
            assert np.isfinite(take).all()
            assert take[..., 2].min() > -0.02 and take[..., 2].max() < 2.5
            assert np.array_equal(take[:, 11], take[:, 0])
            assert np.array_equal(take[:, 16], take[:, 13])
            assert np.array_equal(take[:, 24], take[:, 13])


def test_the_hip_lies_between_the_hips(positions: dict) -> None:
    take = positions["S9"]["Walking"] if "Walking" in positions["S9"] else positions["S9"]["Photo"]
    np.testing.assert_allclose(take[:, 0], 0.5 * (take[:, 1] + take[:, 6]), atol=0.03)


def test_ground_truth_is_the_projection_and_has_its_metadata(folder: Path, positions: dict) -> None:
    truth = keypoints(folder, archive.GROUND_TRUTH)
    cameras = human36m_cameras()
    for subject, takes in positions.items():
        for take, points in list(takes.items())[::7]:
            views = truth[subject][take]
            assert len(views) == 4
            world = points[:, archive.KEPT].astype(float)
            for camera, view in zip(cameras[subject], views, strict=True):
                assert view.dtype == np.float32 and view.shape == (len(points), 17, 2)
                np.testing.assert_allclose(
                    view, camera.project(camera.world_to_camera(world)), atol=1e-2
                )
    metadata = load_object_npz(folder / archive.GROUND_TRUTH, "metadata")
    assert "layout_name" not in metadata and metadata["num_joints"] == 17
    left, right = metadata["keypoints_symmetry"]
    assert left == [4, 5, 6, 11, 12, 13] and right == [1, 2, 3, 14, 15, 16]
    assert all(isinstance(joint, np.int64) for joint in left + right)


@pytest.mark.parametrize("detector", sorted(archive.DETECTED))
def test_detections_outlast_the_motion_and_lie_near_it(folder: Path, detector: str) -> None:
    truth = keypoints(folder, archive.GROUND_TRUTH)
    seen = keypoints(folder, archive.DETECTED[detector])
    metadata = load_object_npz(folder / archive.DETECTED[detector], "metadata")
    assert metadata.get("layout_name") == (None if detector == "sh" else "h36m")
    assert metadata["num_joints"] == (16 if detector == "sh" else 17)
    order = archive.MPII_FROM_H36M if detector == "sh" else tuple(range(17))
    surplus, errors = set(), []
    for subject, takes in truth.items():
        assert list(seen[subject]) == list(takes)
        for take, views in takes.items():
            for view, found in zip(views, seen[subject][take], strict=True):
                surplus.add(len(found) - len(view))
                errors.append(np.linalg.norm(found[: len(view)] - view[:, order], axis=-1))
    assert min(surplus) >= 1 and max(surplus) <= 7 and len(surplus) > 3
    assert 1.0 < np.median(np.concatenate(errors)) < 8.0


def test_all_cameras_see_the_people(folder: Path) -> None:
    inside = [
        ((view >= 0) & (view <= 1000)).all(axis=-1).mean()
        for takes in keypoints(folder, archive.GROUND_TRUTH).values()
        for views in takes.values()
        for view in views
    ]
    assert np.mean(inside) > 0.999
    assert min(inside) > 0.9


def test_people_face_every_camera_from_every_side(positions: dict) -> None:
    takes = [take for takes in positions.values() for take in takes.values()]
    across = np.concatenate([take[:, 6, :2] - take[:, 1, :2] for take in takes])
    yaw = np.arctan2(across[:, 1], across[:, 0])
    share = np.histogram(yaw, bins=8, range=(-np.pi, np.pi))[0] / len(yaw)
    assert share.min() > 0.05


def test_the_mean_pose_is_as_far_off_as_in_real_data(positions: dict) -> None:
    def views(subjects: list[str]) -> NDArray[np.float64]:
        relative = [
            (take[:, archive.KEPT] - take[:, :1]) @ camera.R.T
            for subject in subjects
            for take in positions[subject].values()
            for camera in human36m_cameras()[subject]
        ]
        return np.concatenate(relative)

    mean = views(["S1", "S5", "S6", "S7", "S8"]).mean(axis=0)
    error = np.linalg.norm(views(["S9", "S11"]) - mean, axis=-1).mean()
    assert 0.15 < error < 0.27


def test_subjects_differ_in_shape(positions: dict) -> None:
    thighs = {}
    for subject, takes in positions.items():
        take = next(iter(takes.values()))
        thighs[subject] = float(np.linalg.norm(take[:, 1] - take[:, 2], axis=-1).mean())
    assert max(thighs.values()) > 1.2 * min(thighs.values())
    ordered = np.sort(list(thighs.values()))
    assert np.diff(ordered).min() > 0.004


def test_the_same_settings_give_the_same_bytes_and_report_every_take(
    folder: Path, tmp_path: Path
) -> None:
    calls: list[tuple[int, int]] = []
    generate(tmp_path, SMALL, lambda *call: calls.append(call))
    assert calls == [(done, 209) for done in range(1, 210)]
    for file in sorted(folder.iterdir()):
        first, again = (hashlib.sha256((d / file.name).read_bytes()) for d in (folder, tmp_path))
        assert first.hexdigest() == again.hexdigest(), file.name
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(p.name for p in folder.iterdir())


def test_another_seed_gives_other_motion_but_the_same_names() -> None:
    one, two = plan_takes(TwinConfig(seed=0)), plan_takes(TwinConfig(seed=1))
    assert [p.name for p in one] == [p.name for p in two]
    assert [p.frames for p in one] != [p.frames for p in two]
    assert len(one) == 209


@pytest.mark.parametrize("settings", [{"frames_per_take": 19}, {"seed": -1}])
def test_impossible_settings_are_refused(settings: dict[str, int]) -> None:
    with pytest.raises(ConfigError):
        TwinConfig(**settings)


def test_suffixes_depend_on_the_subject() -> None:
    pairs = {take_names(subject, "Eating") for subject in BETAS}
    assert len(pairs) > 1
    assert all(first != second for first, second in pairs)


def test_the_sheet_shows_every_action(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    image = contact_sheet("S1", TwinConfig(frames_per_take=30))
    assert image.ndim == 3 and image.dtype == np.uint8
    assert (image < 128).any(axis=-1).mean() > 0.005
    assert main([]) == 2
    assert main([str(tmp_path / "sheet.png"), "S2"]) == 2
    assert "S2" in capsys.readouterr().err
    assert main([str(tmp_path / "sheet.png")]) == 0
    assert (tmp_path / "sheet.png").stat().st_size > 10_000
