"""Pictures of the twin's takes: the data's joints fall on the person, window and labels agree."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.body.files import load_body
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.images import decode_jpeg
from gsam.render.scene import Rendered
from gsam.twin.config import TwinConfig
from gsam.twin.generate import Performer, film
from gsam.twin.images import TwinImagesConfig, frames
from gsam.twin.images.frames import draw_frames, filming_cameras, padded_box, window
from gsam.twin.images.parts import Labels
from gsam.twin.subjects import plan_takes

TWIN = TwinConfig(frames_per_take=60, seed=3)
SMALL = TwinImagesConfig(step=23, views=2, size=96)
TAKES = (4, 95)

Shots = list[tuple[str, bytes, Labels, Rendered]]


@pytest.fixture(scope="module", params=TAKES)
def number(request: pytest.FixtureRequest) -> int:
    take: int = request.param
    return take


@pytest.fixture(scope="module")
def shots(number: int) -> Shots:
    """The pictures of a take, with what the renderer knew."""
    seen: list[Rendered] = []
    render = frames.render

    def watched(*arguments: Any) -> Rendered:
        seen.append(render(*arguments))
        return seen[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "render", watched)
        drawn = list(draw_frames(TWIN, SMALL, number))
    return [(*shot, rendered) for shot, rendered in zip(drawn, seen, strict=True)]


@pytest.fixture(scope="module")
def truth(number: int) -> dict[str, np.ndarray]:
    """The projected joints (T, 17, 2) of the twin's own data, by camera."""
    plan = plan_takes(TWIN)[number]
    performer = Performer(plan.subject, TWIN, load_body())
    cameras = human36m_cameras()[plan.subject]
    views = film(performer.joints(performer.perform(plan)), cameras)
    return {camera.name: view for camera, view in zip(cameras, views, strict=True)}


def located(member: str) -> tuple[str, int]:
    folder, name = member.rsplit("/", 1)
    return folder.rsplit(".", 1)[1], int(name.removesuffix(".jpg"))


def test_every_stepth_frame_is_filmed_by_the_cameras_in_turn(shots: Shots, number: int) -> None:
    plan = plan_takes(TWIN)[number]
    cameras = human36m_cameras()[plan.subject]
    wanted = [cameras[index].name for index in filming_cameras(number, 2)]
    expected = [
        f"{plan.name}.{name}/{frame:06d}.jpg"
        for name in wanted
        for frame in range(0, plan.frames, 23)
    ]
    assert [member for member, *_ in shots] == expected


def test_the_projected_joints_of_the_data_fall_on_the_person(
    shots: Shots, truth: dict[str, np.ndarray]
) -> None:
    on_person, judged = 0, 0
    for member, _, label, rendered in shots:
        camera, frame = located(member)
        points = truth[camera][frame]
        np.testing.assert_allclose(label["box"], padded_box(points), atol=0.02)
        stored = (points - (label["origin_x"], label["origin_y"])) * label["zoom"]
        column, row = np.rint(stored).astype(int).T
        # All joints lie inside the skin, so that the silhouette covers them.
        on_person += int(rendered.silhouettes[0][row, column].sum())
        judged += len(points)
    assert on_person >= 0.97 * judged


def test_levels_follow_what_the_picture_shows(shots: Shots, truth: dict[str, np.ndarray]) -> None:
    levels = np.array([label["visibility"] for _, _, label, _ in shots])
    assert levels.shape[1] == 17 and set(np.unique(levels)) <= {1, 2, 3}
    assert (levels == 3).mean() > 0.4
    for member, _, label, rendered in shots:
        camera, frame = located(member)
        stored = (truth[camera][frame] - (label["origin_x"], label["origin_y"])) * label["zoom"]
        column, row = np.rint(stored).astype(int).T
        covered = rendered.occluded[row, column]
        assert (np.array(label["visibility"])[covered] == 1).all()


def test_the_picture_is_a_square_inside_the_frame_with_the_whole_person(shots: Shots) -> None:
    for _, jpeg, label, rendered in shots:
        assert decode_jpeg(jpeg, "frame").shape == (96, 96, 3)
        side = 96 / label["zoom"]
        assert side == pytest.approx(round(side), abs=1e-6)
        assert 0 <= label["origin_x"] <= 1000 - side and 0 <= label["origin_y"] <= 1002 - side
        rows, columns = np.nonzero(rendered.silhouettes[0])
        longer = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 96 / 1.65 < longer < 96 / 1.4


def test_cameras_are_used_equally() -> None:
    for views in (1, 2, 3):
        used = [camera for number in range(208) for camera in filming_cameras(number, views)]
        assert np.bincount(used, minlength=4).tolist() == [52 * views] * 4
        assert all(len(set(filming_cameras(n, views))) == views for n in range(8))


def test_the_window_stays_inside_the_frame() -> None:
    camera = human36m_cameras()["S1"][0]
    corner = np.array([[940.0, 500.0], [990.0, 900.0]])
    assert window(corner, camera) == (400, 400, 600)
    whole = np.array([[10.0, 20.0], [900.0, 980.0]])
    assert window(whole, camera) == (0, 0, 1000)


def test_clothes_belong_to_the_subject_and_change_between_takes() -> None:
    plans = [plan for plan in plan_takes(TWIN) if plan.subject in ("S1", "S5")]
    looks = [(plan.subject, frames._outfit(SMALL, plan)) for plan in plans]
    for subject in ("S1", "S5"):
        own = [look for name, look in looks if name == subject]
        assert all(np.array_equal(look.skin, own[0].skin) for look in own)
        assert 1 < len({look.top.colour.tobytes() for look in own}) <= frames.OUTFITS


def test_another_seed_dresses_and_lights_differently(tmp_path: Path) -> None:
    once = TwinImagesConfig(step=60, views=1, size=64)
    other = TwinImagesConfig(step=60, views=1, size=64, seed=1)
    first, again, changed = (next(iter(draw_frames(TWIN, c, 4))) for c in (once, once, other))
    assert first == again
    assert changed[0] == first[0] and changed[1] != first[1]
    assert changed[2]["box"] == first[2]["box"]
