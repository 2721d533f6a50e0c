from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
import torch

from gsam.cameras import normalise_screen
from gsam.clip_rows import View, build_clip_rows
from gsam.clips import ClipSet
from gsam.errors import DataError
from gsam.schemas import CLIPS
from gsam.storage import write_table
from tests.synthetic_clips import METADATA, clip_rows, make_take, write_clips


def test_rows_hold_normalised_keypoints_and_camera_frame_targets() -> None:
    take = make_take("S1", "Walking 1", 6)
    camera = take.cameras[1]
    seen = camera.world_to_camera(take.joints.astype(float))
    row = clip_rows(take).slice(1, 1).to_pylist()[0]
    expected = normalise_screen(camera.project(seen), camera.width, camera.height)
    np.testing.assert_allclose(np.reshape(row["keypoints"], (6, 17, 2)), expected, atol=1e-6)
    target, root = np.reshape(row["target"], (6, 17, 3)), np.reshape(row["root"], (6, 1, 3))
    np.testing.assert_allclose(target + root, seen, atol=1e-6)
    assert not target[:, 0].any()
    assert (row["camera"], row["frames"], row["take"]) == (camera.name, 6, "Walking 1")


def test_a_camera_without_keypoints_has_no_row() -> None:
    take = make_take("S1", "Walking 1", 6)
    seen = View(np.zeros((6, 17, 2), np.float32))
    rows = build_clip_rows(take, [seen, None, None, seen])
    assert rows["camera"].to_pylist() == [take.cameras[0].name, take.cameras[3].name]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (np.zeros((5, 17, 2)), r"S1/Walking 1, camera 54138969: shape \(5, 17, 2\), expected"),
        (np.full((6, 17, 2), np.nan), "frame 0, joint 0 is not finite"),
    ],
)
def test_wrong_keypoints_are_named(points: np.ndarray, message: str) -> None:
    take = make_take("S1", "Walking 1", 6, cameras=1)
    with pytest.raises(DataError, match=message):
        build_clip_rows(take, [View(points)])


def test_a_view_of_every_second_frame_has_half_the_rate_and_its_own_frames_of_truth() -> None:
    take = make_take("S1", "Walking 1", 7, cameras=1)
    whole = clip_rows(take).to_pylist()[0]
    frames = np.arange(1, 7, 2, dtype=np.int32)
    view = View(np.zeros((3, 17, 2), np.float32), frames=frames)
    row = build_clip_rows(take, [view]).to_pylist()[0]
    assert (row["fps"], row["frames"]) == (25.0, 3)
    expected = np.reshape(whole["target"], (7, 17, 3))[frames]
    np.testing.assert_array_equal(np.reshape(row["target"], (3, 17, 3)), expected)


def test_a_view_has_the_validity_of_its_own_frames() -> None:
    take = make_take("S1", "Walking 1", 6, cameras=2)
    assert "valid" not in clip_rows(take).column_names
    marked = replace(take, valid=np.array([True, False, False, True, True, True]))
    every_second = View(np.zeros((3, 17, 2), np.float32), frames=np.array([1, 3, 5], np.int32))
    rows = build_clip_rows(marked, [View(np.zeros((6, 17, 2), np.float32)), every_second])
    assert rows["valid"].to_pylist() == [marked.valid.tolist(), [False, True, True]]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([0, 2, 3], "evenly spaced"),
        ([4, 2, 0], "ascending"),
        ([2, 4, 6], "of the take's 6"),
        ([], "0 frames"),
    ],
)
def test_frames_that_are_no_even_part_of_the_take_are_refused(
    frames: list[int], message: str
) -> None:
    take = make_take("S1", "Walking 1", 6, cameras=1)
    view = View(np.zeros((len(frames), 17, 2), np.float32), frames=np.array(frames, np.int32))
    with pytest.raises(DataError, match=message):
        build_clip_rows(take, [view])


def test_a_folder_becomes_contiguous_tensors(tmp_path) -> None:
    folder = write_clips(tmp_path)
    clips = ClipSet.load(folder, "train")
    assert [clip.frames for clip in clips.info] == [23, 23, 40, 40]  # Eating before Walking
    assert clips.offsets.tolist() == [0, 23, 46, 86, 126]
    assert clips.keypoints.shape == (126, 17, 2) and clips.targets.shape == (126, 17, 3)
    assert clips.keypoints.dtype == clips.targets.dtype == torch.float32
    walking = clip_rows(make_take("S1", "Walking 1", 40, 2)).slice(1, 1).to_pylist()[0]
    stored = np.reshape(np.array(walking["target"], np.float32), (40, 17, 3))
    np.testing.assert_array_equal(clips.targets[clips.frames_of(3)].numpy(), stored)
    assert clips.bounds([3]).tolist() == [[86, 126]]
    assert {clip.subject for clip in ClipSet.load(folder, "test").info} == {"S9"}


def test_the_hash_follows_content(tmp_path) -> None:
    first = ClipSet.load(write_clips(tmp_path / "a"), "train").data_hash
    same = ClipSet.load(write_clips(tmp_path / "b"), "train").data_hash
    other = ClipSet.load(write_clips(tmp_path / "c", frames=(41, 23)), "train").data_hash
    assert first == same != other
    assert ClipSet.load(tmp_path / "a", "train", hashed=False).data_hash == ""


def test_validity_is_read(tmp_path) -> None:
    take = make_take("S1", "Walking 1", 4, cameras=1)
    mask = pa.array([[True, False, True, True]])
    write_table(
        tmp_path / "a.parquet", clip_rows(take).append_column("valid", mask), CLIPS, METADATA
    )
    assert ClipSet.load(tmp_path, "train").valid.tolist() == [True, False, True, True]


def test_data_that_is_not_finite_is_refused_with_its_place(tmp_path) -> None:
    take = make_take("S1", "Walking 1", 4, cameras=1)
    table = clip_rows(take)
    values = np.array(table["target"].to_pylist(), np.float32)
    values[0, 2 * 51 + 3 * 5] = np.inf
    column = pa.array(values.tolist(), pa.list_(pa.float32()))
    table = table.set_column(table.schema.get_field_index("target"), "target", column)
    write_table(tmp_path / "a.parquet", table, CLIPS, METADATA)
    message = r"a\.parquet: S1/Walking 1, camera 54138969: target of frame 2, joint 5"
    with pytest.raises(DataError, match=message):
        ClipSet.load(tmp_path, "train")


def test_absent_clips_are_errors(tmp_path) -> None:
    with pytest.raises(DataError, match=r"no \.parquet file"):
        ClipSet.load(tmp_path, "train")
    write_clips(tmp_path, subjects=("S1",))
    with pytest.raises(DataError, match="no clip of the split 'test'"):
        ClipSet.load(tmp_path, "test")
    (tmp_path / "zzz.parquet").write_bytes(b"PAR1 cut short")
    with pytest.raises(DataError, match=r"zzz\.parquet"):
        ClipSet.load(tmp_path, "train")


def test_scores_come_where_a_lifter_wants_them(tmp_path) -> None:
    take = make_take("S1", "Walking 1", 4, cameras=1)
    camera = take.cameras[0]
    points = camera.project(camera.world_to_camera(take.joints.astype(float)))
    given = np.linspace(0, 1, 4 * 17, dtype=np.float32).reshape(4, 17)
    rows = build_clip_rows(take, [View(points.astype(np.float32), given)])
    write_table(tmp_path / "a.parquet", rows, CLIPS, METADATA)
    plain, scored = (ClipSet.load(tmp_path, "train", scores=wanted) for wanted in (False, True))
    assert plain.keypoints.shape == (4, 17, 2)
    assert torch.equal(scored.keypoints[..., :2], plain.keypoints)
    np.testing.assert_array_equal(scored.keypoints[..., 2].numpy(), given)
    assert torch.equal(scored.targets, plain.targets)
