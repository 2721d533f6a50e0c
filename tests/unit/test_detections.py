"""Files of every tool: the same person's joints out of each, and a question where one is left."""

import csv
import json
import math

import numpy as np
import pytest

from gsam.datasets.custom.__main__ import main as custom_command
from gsam.detections import Options, read_recording
from gsam.errors import ConfigError, DataError
from gsam.schemas import KEYPOINTS, RECORDINGS, metadata_of
from gsam.skeletons import BODY_25, COCO_17, H36M_17, HALPE_26, OPENPOSE_18, convert
from gsam.storage import list_column, read_table, write_table

SIZE = (1000, 800)
FRAMES = 7

# A person facing the camera, px: every joint that any of the tools has.
STANDING = {
    "nose": (500, 120), "left_eye": (510, 110), "right_eye": (490, 110),
    "left_ear": (525, 115), "right_ear": (475, 115), "head_top": (500, 80),
    "neck": (500, 180), "thorax": (500, 180), "spine": (500, 270), "pelvis": (500, 360),
    "left_shoulder": (550, 180), "left_elbow": (580, 260), "left_wrist": (590, 340),
    "right_shoulder": (450, 180), "right_elbow": (420, 260), "right_wrist": (410, 340),
    "left_hip": (525, 360), "left_knee": (530, 480), "left_ankle": (535, 600),
    "right_hip": (475, 360), "right_knee": (470, 480), "right_ankle": (465, 600),
    "left_big_toe": (550, 620), "left_small_toe": (560, 615), "left_heel": (530, 610),
    "right_big_toe": (450, 620), "right_small_toe": (440, 615), "right_heel": (470, 610),
}  # fmt: skip


def walk(skeleton):
    """(T, K, 2): the person moves 3 px to the right and 1 down in every frame."""
    standing = np.array([STANDING[joint] for joint in skeleton.joints], float)
    return standing + np.arange(FRAMES)[:, None, None] * (3.0, 1.0)


def flat(points, score=0.9):
    return np.concatenate([points, np.full((len(points), 1), score)], axis=1).ravel().tolist()


def save(path, content):
    path.write_text(json.dumps(content))
    return path


def alphapose(folder, *, people=((1, 0),), frames=range(FRAMES), **more):
    found = [
        {"image_id": f"{t}.jpg", "category_id": 1, "keypoints": flat(walk(HALPE_26)[t] + shift),
         "score": 2.9, "idx": track, **more}
        for t in frames for track, shift in people
    ]  # fmt: skip
    return save(folder / "alphapose-results.json", found), HALPE_26


def alphapose_by_picture(folder, outer="people", inner="pose_keypoints_2d"):
    pictures = {
        f"{t}.jpg": {"version": "x", outer: [{inner: flat(one)}]}
        for t, one in enumerate(walk(OPENPOSE_18))
    }
    return save(folder / "alphapose-results.json", pictures), OPENPOSE_18


def cmu(folder):
    return alphapose_by_picture(folder, "bodies", "joints")


def openpose(folder, lost=()):
    """`lost`: (frame, joint) that is 0, 0, 0; a frame alone: nobody."""
    for t, one in enumerate(walk(BODY_25)):
        numbers = flat(one)
        for _, joint in [pair for pair in lost if pair[0] == t and pair[1]]:
            start = 3 * BODY_25.index(joint)
            numbers[start : start + 3] = [0, 0, 0]
        person = {"person_id": [-1], "pose_keypoints_2d": numbers, "face_keypoints_2d": []}
        people = [] if (t, None) in lost else [person]
        save(folder / f"walk_{t:012d}_keypoints.json", {"version": 1.3, "people": people})
    return folder, BODY_25


def detectron2(folder):
    rows = [
        {"image_id": t, "category_id": 1, "keypoints": flat(one), "score": 0.99}
        for t, one in enumerate(walk(COCO_17))
    ]
    return save(folder / "coco_instances_results.json", rows), COCO_17


def mmpose(folder, skeleton=COCO_17):
    frames = [
        {"frame_id": t, "instances": [{"keypoints": one.tolist(), "bbox": [[0, 0, 1, 1]],
                                       "keypoint_scores": [0.9] * len(one), "bbox_score": 0.8}]}
        for t, one in enumerate(walk(skeleton))
    ]  # fmt: skip
    return save(folder / "walk.json", frames), skeleton


def mmpose_demo(folder):
    path, skeleton = mmpose(folder, HALPE_26)
    info = json.loads(path.read_text())
    return save(path, {"meta_info": {"dataset_name": "halpe26"}, "instance_info": info}), skeleton


def mmpose_pictures(folder):
    path, skeleton = mmpose(folder)
    for frame in json.loads(path.read_text()):
        save(folder / f"{frame['frame_id']:06d}.json", frame["instances"])
    path.unlink()
    return folder, skeleton


def mmpose_old(folder):
    batches = [
        {"preds": [np.reshape(flat(one), (-1, 3)).tolist()], "image_paths": [f"a/{t:06d}.jpg"],
         "boxes": [[0] * 6], "bbox_ids": [t], "output_heatmap": None}
        for t, one in enumerate(walk(COCO_17))
    ]  # fmt: skip
    return save(folder / "results.json", batches), COCO_17


def detectron_npz(folder):
    boxes, keypoints = np.empty((FRAMES, 2), object), np.empty((FRAMES, 2), object)
    for t, one in enumerate(walk(COCO_17)):
        boxes[t, 0] = keypoints[t, 0] = []
        boxes[t, 1] = np.array([[0, 0, 9, 9, 0.5], [0, 0, 9, 9, 0.99]], np.float32)
        rows = np.stack([one.T[0], one.T[1], np.zeros(17), np.full(17, 0.9)])
        keypoints[t, 1] = np.stack([rows + 100, rows])
    about = {"w": SIZE[0], "h": SIZE[1]}
    np.savez(folder / "walk.mp4.npz", boxes=boxes, keypoints=keypoints, metadata=about)
    return folder / "walk.mp4.npz", COCO_17


def custom_npz(folder):
    positions = {"walk": {"custom": [walk(COCO_17).astype(np.float32)]}}
    about = {"video_metadata": {"walk": {"w": SIZE[0], "h": SIZE[1]}}}
    np.savez(folder / "data_2d_custom_x.npz", positions_2d=positions, metadata=about)
    return folder / "data_2d_custom_x.npz", COCO_17


def csv_file(folder, header=None, extra=()):
    path = folder / "walk.csv"
    names = [f"{j}_{a}" for j in BODY_25.joints for a in ("x", "y", "score")]
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(header or ["frame", "person", *names])
        for t, one in enumerate(walk(BODY_25)):
            writer.writerow([t, "anna", *flat(one), *extra])
    return path, BODY_25


def own_table(folder):
    points = walk(H36M_17)
    columns = {
        "sequence": ["walk.mp4"] * FRAMES,
        "camera": [""] * FRAMES,
        "frame": np.arange(FRAMES, dtype=np.int32),
        "points": list_column(points),
        "scores": list_column(np.full(points.shape[:2], 0.9)),
        "detector": ["x"] * FRAMES,
        "version": ["1"] * FRAMES,
    }
    notes = {"dataset": "d", "producer": "p", "joint_names": list(H36M_17.joints)}
    write_table(folder / "keypoints.parquet", columns, KEYPOINTS, notes)
    return folder / "keypoints.parquet", H36M_17


TOOLS = [
    alphapose, alphapose_by_picture, cmu, openpose, detectron2, mmpose, mmpose_demo,
    mmpose_pictures, mmpose_old, detectron_npz, custom_npz, csv_file, own_table,
]  # fmt: skip


@pytest.mark.parametrize("tool", TOOLS)
def test_every_tool_gives_the_same_joints(tool, tmp_path):
    path, skeleton = tool(tmp_path)
    choice = "best" if tool is detectron_npz else None
    joints = "human36m_17" if tool is own_table else None
    found = read_recording(path, Options(size=SIZE, person=choice, joints=joints))
    expected = convert(walk(skeleton), skeleton, H36M_17)
    np.testing.assert_allclose(found.points, expected, rtol=1e-6)
    wanted = 1.0 if tool is custom_npz else 0.9  # that file has no scores
    np.testing.assert_allclose(found.scores, wanted, rtol=1e-6)
    assert (found.size, found.first) == (SIZE, 0)
    assert found.notes["source_joint_set"] == skeleton.name


def refused(path, kind, words, **options):
    with pytest.raises(kind, match=words):
        read_recording(path, Options(**{"size": SIZE, **options}))


def test_whose_joints_is_asked(tmp_path):
    path, _ = alphapose(tmp_path, people=((1, 0), (4, 200)))
    refused(path, DataError, r"2 people; say --person, one of 1 \(7 frames\), 4 \(7 frames\)")
    refused(path, ConfigError, "no such track, expected one of 1", person="2")
    fourth = read_recording(path, Options(size=SIZE, person="4"))
    np.testing.assert_allclose(fourth.points[:, 11], walk(HALPE_26)[:, 5] + 200)


def test_the_same_number_for_everybody_is_no_track(tmp_path):
    path, _ = alphapose(tmp_path, people=(([0.0], 0), ([0.0], 200)))
    refused(path, DataError, "2 people in frame 0 and no tracks; say --person best")
    refused(path, ConfigError, "has no tracks", person="0")


def test_the_most_certain_person_of_every_frame(tmp_path):
    path, _ = alphapose(tmp_path, people=(([0.0], 0), ([0.0], 200)))
    rows = json.loads(path.read_text())
    for number, row in enumerate(rows):
        row["score"] = 3.0 if number % 2 else 1.0
    best = read_recording(save(path, rows), Options(size=SIZE, person="best"))
    np.testing.assert_allclose(best.points[:, 11], walk(HALPE_26)[:, 5] + 200)


def test_gaps_are_filled_as_far_as_said(tmp_path):
    path, _ = alphapose(tmp_path, frames=[0, 1, 4, 5, 6])
    refused(path, DataError, r"nobody in frames 2 to 3 \(2 of them\); say --fill 2")
    refused(path, DataError, "nobody in frames 2 to 3", fill=1)
    found = read_recording(path, Options(size=SIZE, fill=2))
    np.testing.assert_allclose(found.points, convert(walk(HALPE_26), HALPE_26, H36M_17), rtol=1e-6)
    assert (found.scores[2:4] == 0).all() and (found.scores[[0, 1, 4, 5, 6]] > 0).all()
    assert found.notes["filled_frames"] == 2


def test_a_gap_of_a_thousand_million_frames_costs_no_memory(tmp_path):
    path, _ = alphapose(tmp_path, frames=[0, 1])
    rows = json.loads(path.read_text())
    rows[1]["image_id"] = "999999999.jpg"
    refused(save(path, rows), DataError, "nobody in frames 1 to 999999998", fill=1000)


def test_frames_without_anybody_count_where_they_are_listed(tmp_path):
    path, _ = openpose(tmp_path, lost=[(0, None), (6, None)])
    refused(path, DataError, "nobody in frames 0 to 0")
    found = read_recording(path, Options(size=SIZE, fill=1))
    assert len(found.points) == FRAMES
    np.testing.assert_array_equal(found.points[0], found.points[1])


def test_lost_joints_by_name(tmp_path):
    path, _ = openpose(tmp_path, lost=[(2, "right_wrist"), (3, "right_wrist"), (4, "left_ear")])
    refused(path, DataError, r"no right_wrist in frames 2 to 3")
    found = read_recording(path, Options(size=SIZE, fill=2))
    expected = convert(walk(BODY_25), BODY_25, H36M_17)
    np.testing.assert_allclose(found.points, expected, rtol=1e-6)
    assert found.notes["filled_joints"] == 2
    wrist = H36M_17.index("right_wrist")
    assert found.scores[2, wrist] == 0 and found.scores[4, wrist] > 0


def test_one_eye_stands_for_both(tmp_path):
    path, _ = openpose(tmp_path, lost=[(2, "right_eye")])
    found = read_recording(path, Options(size=SIZE))
    head = H36M_17.index("head_top")
    np.testing.assert_allclose(found.points[2, head], walk(BODY_25)[2, BODY_25.index("left_eye")])
    both, _ = openpose(tmp_path, lost=[(2, "right_eye"), (2, "left_eye")])
    refused(both, DataError, "no head_top in frames 2 to 2")


def test_a_joint_that_is_never_there(tmp_path):
    path, _ = openpose(tmp_path, lost=[(t, "left_ankle") for t in range(FRAMES)])
    refused(path, DataError, "left_ankle was found in no frame", fill=100)


def test_the_size_and_the_unit_are_asked(tmp_path):
    path, _ = openpose(tmp_path)
    refused(path, DataError, "say --size WIDTHxHEIGHT", size=None)
    refused(path, DataError, "far outside of 100x100", size=(100, 100))
    for file in tmp_path.glob("*.json"):
        content = json.loads(file.read_text())
        numbers = np.reshape(content["people"][0]["pose_keypoints_2d"], (-1, 3)) / (*SIZE, 1)
        content["people"][0]["pose_keypoints_2d"] = numbers.ravel().tolist()
        save(file, content)
    refused(path, DataError, "not pixels of 1000x800; say --normalised")
    found = read_recording(path, Options(size=SIZE, normalised=True))
    np.testing.assert_allclose(found.points, convert(walk(BODY_25), BODY_25, H36M_17), rtol=1e-6)


def test_a_size_that_the_file_contradicts(tmp_path):
    path, _ = detectron_npz(tmp_path)
    refused(path, ConfigError, "says 1000x800", size=(640, 480), person="best")


def test_joint_orders_are_held_against_the_points(tmp_path):
    path, _ = mmpose(tmp_path, H36M_17)
    refused(path, DataError, "usually coco_17, but the points look like human36m_17")
    found = read_recording(path, Options(size=SIZE, joints="human36m_17"))
    np.testing.assert_allclose(found.points, walk(H36M_17), rtol=1e-6)
    refused(path, ConfigError, "did you mean 'human36m_17'", joints="human36m17")
    refused(path, DataError, "17 joints, expected the 26 of halpe_26", joints="halpe_26")


def test_an_unknown_number_of_joints(tmp_path):
    path, _ = alphapose(tmp_path)
    rows = json.loads(path.read_text())
    for row in rows:
        row["keypoints"] = row["keypoints"][: 3 * 21]
    refused(save(path, rows), DataError, "21 joints are no set that is known here; say --joints")


def test_scores_may_be_missing_only_when_that_is_said(tmp_path):
    path, _ = detectron2(tmp_path)
    rows = json.loads(path.read_text())
    for row in rows:
        row["keypoints"] = np.reshape(row["keypoints"], (-1, 3))[:, :2].ravel().tolist()
    refused(save(path, rows), DataError, "34 numbers, expected 3 for each joint.*say --no-scores")
    found = read_recording(path, Options(size=SIZE, scored=False))
    assert (found.scores == 1).all()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "nested too deeply"),
        ("[]", "no tool that is known"),
        ('{"a": 1}', "no tool that is known"),
        ('[{"image_id": "a.jpg", "keypoints": [1, 2, 3]}]', "has no number"),
        ('[{"image_id": 1, "keypoints": [1, "x", 3]}]', "something else than numbers"),
        ('[{"image_id": 1, "keypoints": [1, [2], 3]}]', "something else than numbers"),
        ('[{"image_id": 1}, {"image_id": "2.jpg"}]', "a number here and a name there"),
        ('[{"image_id": "a1.jpg"}, {"image_id": "b1.jpg"}]', "are both frame 1"),
        ('[{"frame_id": "x", "instances": []}]', "expected frame_id and a list"),
        ('[{"frame_id": 0, "instances": []}]', "nobody in any frame"),
        (f'[{{"image_id": 1, "keypoints": {[1e308, 5.0, 1] * 17} }}]', r"lies 1.0e\+308 px"),
        (f'[{{"image_id": -1, "keypoints": {[5.0] * 51}}}]', "frames -1 to -1"),
        ('{"people": []}', "one frame of OpenPose's, expected its folder"),
        ('[{"preds": [[1]], "image_paths": 3}]', "no list of file names"),
    ],
)
def test_broken_json_in_one_line(content, words, tmp_path):
    path = tmp_path / "walk.json"
    path.write_text(content)
    with pytest.raises(DataError, match=words) as error:
        read_recording(path, Options(size=SIZE))
    assert "\n" not in str(error.value) and str(path) in str(error.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace("nose_x", "nase_x"), "did you mean 'nose'"),
        (lambda text: text.replace("frame", "time"), "one of them frame"),
        (lambda text: text.replace("anna", "anna,1"), "line 2: 78 cells, expected 77"),
        (lambda text: text.replace("\n3,", "\n-3,"), "line 5: frame is '-3'"),
        (lambda text: text.replace("0.9", "high", 1), "line 2, nose_score: 'high'"),
        (lambda text: text.split("\n")[0], "no row below the header"),
    ],
)
def test_broken_csv_by_line(change, words, tmp_path):
    path, _ = csv_file(tmp_path)
    path.write_text(change(path.read_text().replace("\r", "")))
    refused(path, DataError, words)


def test_options_that_cannot_be(tmp_path):
    path, _ = detectron2(tmp_path)
    refused(path, ConfigError, "--fill -1", fill=-1)
    refused(path, ConfigError, "--size 0x5", size=(0, 5))
    refused(path, ConfigError, "--fps", fps=math.nan)


def test_the_command_writes_the_layout(tmp_path, monkeypatch, capsys):
    (tmp_path / "in").mkdir()
    path, _ = openpose(tmp_path / "in")
    out = tmp_path / "walk.parquet"
    words = ["convert", str(path), "--out", str(out), "--size", "1000x800"]
    monkeypatch.setattr("sys.argv", ["x", *words])
    with pytest.raises(SystemExit) as end:
        custom_command()
    assert end.value.code == 2 and "say --fps" in capsys.readouterr().err and not out.exists()
    monkeypatch.setattr("sys.argv", ["x", *words, "--fps", "25"])
    custom_command()
    table = read_table(out, RECORDINGS)
    assert table.column("fps").to_pylist() == [25] and table.num_rows == 1
    assert metadata_of(table)["joint_set"] == "human36m_17"
    first = out.read_bytes()
    custom_command()
    assert out.read_bytes() == first
