"""What the doctor tells from the data itself, and how its command answers."""

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from gsam.body.files import load_body
from gsam.datasets.custom.recordings import View3D, recording_row, write_recordings
from gsam.datasets.human36m.cameras import human36m_cameras
from gsam.doctor.anatomy import bone_fault, pace_fault, side_fault, up_fault
from gsam.doctor.checksums import checksum_fault
from gsam.doctor.command import main
from gsam.doctor.examining import DATASETS, examine
from gsam.doctor.findings import MISSING, NOTE, WRONG, Faults, Report
from gsam.doctor.human36m_poses import PUBLISHED, check_poses
from gsam.doctor.reprojection import cause_of, projected, swapped_beside
from gsam.errors import DataError
from gsam.skeletons import H36M_17, H36M_32, MPI_INF_3DHP_17, convert
from gsam.twin.config import TwinConfig
from gsam.twin.generate import Performer
from gsam.twin.subjects import plan_takes
from stages.sound import require_sound

Walk = NDArray[np.float64]
CAMERA = human36m_cameras()["S1"][0]


@pytest.fixture(scope="module")
def walk() -> Walk:
    """Two seconds and more of a walk, (T, 17, 3) metres in the world."""
    config = TwinConfig(frames_per_take=150)
    plan = next(plan for plan in plan_takes(config) if plan.name.startswith("Walking"))
    performer = Performer(plan.subject, config, load_body())
    return convert(performer.joints(performer.perform(plan)), H36M_32, H36M_17).astype(float)


def exchanged(joints: Walk, *parts: str) -> Walk:
    """Joints with the named parts of left and right in each other's place."""
    rows = list(range(H36M_17.size))
    for part in parts:
        left, right = H36M_17.indices([f"left_{part}", f"right_{part}"])
        rows[left], rows[right] = right, left
    return joints[:, rows]


LEGS, ARMS = ("hip", "knee", "ankle"), ("shoulder", "elbow", "wrist")


@pytest.mark.parametrize("nose", [True, False])
def test_sides_are_told_by_the_body(walk: Walk, nose: bool) -> None:
    assert side_fault(walk, nose) == ""
    assert side_fault(exchanged(walk, *LEGS, *ARMS), nose) == "left and right swapped"
    assert side_fault(exchanged(walk, *LEGS), nose) == "left and right legs swapped"
    assert side_fault(exchanged(walk, *ARMS), nose) == "left and right arms swapped"
    assert side_fault(walk * [-1, 1, 1], nose) == "left and right swapped"


def test_bones_tell_the_order_of_joints(walk: Walk) -> None:
    assert bone_fault(walk) == ""
    assert "not a person's" in bone_fault(walk * 1.7)
    assert "order of mpi_inf_3dhp_17" in bone_fault(convert(walk, H36M_17, MPI_INF_3DHP_17))


def test_axes_and_pace(walk: Walk) -> None:
    assert up_fault(walk) == "" and pace_fault(walk, 50.0) == ""
    assert "along +y" in up_fault(walk[..., [0, 2, 1]])
    assert up_fault(CAMERA.world_to_camera(walk), axis=1, sign=-1) == ""
    assert "another frame rate" in pace_fault(walk[::5], 50.0)
    assert pace_fault(walk[:1], 50.0) == ""


def test_keypoints_off_the_3d_are_explained(walk: Walk) -> None:
    truth = projected(CAMERA, walk)
    noisy = truth + np.random.default_rng(0).normal(0, 3, truth.shape)
    mirrored = noisy * [-1, 1] + [CAMERA.width - 1, 0]
    screen = 2 * noisy / CAMERA.width - [1, CAMERA.height / CAMERA.width]
    other = human36m_cameras()["S1"][2]
    elsewhere = [(other.name, projected(other, walk))]

    def cause(points: Walk) -> str:
        return cause_of(points, truth, 40.0, CAMERA, others=elsewhere)

    assert cause(noisy) == ""
    assert cause(exchanged(noisy, *LEGS, *ARMS)).startswith("left and right swapped: ")
    assert cause(noisy[..., ::-1]).startswith("x and y swapped")
    assert cause(mirrored).startswith("pictures mirrored")
    assert "expected pixels" in cause(screen)
    assert cause(elsewhere[0][1]).startswith("these are of camera 58860488")
    assert "expected at most 40" in cause(noisy + 200)


def test_sides_of_keypoints_are_told_without_a_camera(walk: Walk) -> None:
    before, points = CAMERA.world_to_camera(walk), projected(CAMERA, walk)
    assert not swapped_beside(points, before)
    assert swapped_beside(exchanged(points, *LEGS, *ARMS), before)


def test_a_thinned_out_original_is_told_by_its_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walk: Walk
) -> None:
    monkeypatch.setitem(PUBLISHED, "S1", 5 * len(walk))
    content = {"S1": {"Walking": np.float32(walk)}}
    monkeypatch.setattr("gsam.doctor.human36m_poses.load_object_npz", lambda *_: content)
    report = Report("human36m", "Human3.6M", tmp_path)
    check_poses(report, "npz", full=False, progress=lambda items, _: items)
    wrong = [finding.text for finding in report.findings if finding.status == WRONG]
    assert any("thinned out to 10 Hz" in text for text in wrong)
    assert any(f.status == NOTE and "not be comparable" in f.text for f in report.findings)


def test_faults_of_one_kind_are_told_once(tmp_path: Path) -> None:
    faults, report = Faults(), Report("coco", "COCO", tmp_path)
    for number in range(9):
        with faults.catching(f"take {number}"):
            raise DataError(f"take {number}: {number} frames, expected more")
    faults.tell(report, "file")
    assert len(report.findings) == 1
    assert report.findings[0].text.startswith("0 frames, expected more (9 times: take 0, take 1")
    assert report.findings[0].text.endswith("and 5 more)")


def test_weights_named_by_their_hash(tmp_path: Path) -> None:
    path = tmp_path / "hrnet_w32-36af842e.pth"
    path.write_bytes(b"cut short")
    assert "published 36af842e: damaged" in str(checksum_fault(path))
    assert checksum_fault(path.rename(tmp_path / "mine.pth")) is None
    report = examine("weights", tmp_path)
    assert report.exit_code == 1 and "checkpoint" in report.findings[0].text


def test_an_empty_folder_is_told_who_grants_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--raw", str(tmp_path)]) == 3
    said = " ".join(capsys.readouterr().out.split())
    for address in ("vision.imar.ro", "vcai.mpi-inf.mpg.de", "virtualhumans", "smpl.is.tue.mpg.de"):
        assert address in said
    assert "human36m incomplete" in said and "bvh fine" in said
    assert main(["--raw", str(tmp_path), "--dataset", "weights", "bvh"]) == 0


def test_json_for_machines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "--dataset", f"mpii={tmp_path}"]) == 3
    (record,) = json.loads(capsys.readouterr().out)
    assert record["dataset"] == "mpii" and record["exit_code"] == 3
    assert record["findings"][0]["status"] == MISSING


def test_an_unknown_dataset_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--dataset", "humn36m"])
    assert ended.value.code == 2
    assert "did you mean 'human36m'?" in capsys.readouterr().err


def test_stages_are_stopped_by_what_is_wrong_not_by_what_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    require_sound("coco", tmp_path)
    labels = tmp_path / "annotations/person_keypoints_val2017.json"
    labels.parent.mkdir()
    labels.write_text("{}")
    (tmp_path / "val2017").mkdir()
    with pytest.raises(DataError, match=r"1 things are wrong.*person_keypoints_val2017\.json"):
        require_sound("coco", tmp_path)
    table = capsys.readouterr().err
    assert "MISSING train2017" in table and "WRONG   annotations" in table


@pytest.mark.parametrize("dataset", DATASETS)
def test_a_folder_of_garbage_is_an_answer(tmp_path: Path, dataset: str) -> None:
    names = (
        "data_3d_h36m.npz data_2d_h36m_gt.npz S1/Seq1/annot.mat S1/Seq1/camera.calibration "
        "TS1/annot_data.mat sequenceFiles/test/a.pkl annotations/person_keypoints_val2017.json "
        "val2017.zip images.zip annot/train.json annot/valid.json SMPL_NEUTRAL.pkl a.pth a.bvh "
        "a.json a.onnx a.parquet yolov3.weights S1/Videos/Walking.54138969.mp4 data_train_3dhp.npz"
    )
    for name in names.split():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"\x89garbage\r\n" * 40)
    assert examine(dataset, tmp_path).exit_code == 1


def test_own_recordings_are_looked_at_too(tmp_path: Path, walk: Walk) -> None:
    def write(points: Walk) -> None:
        truth = View3D(walk, CAMERA)
        rows = [
            recording_row(
                points,
                size=(CAMERA.width, CAMERA.height),
                fps=50.0,
                subject="me",
                take=f"walk {split}",
                camera=CAMERA.name,
                split=split,
                truth=truth,
            )
            for split in ("train", "test")
        ]
        write_recordings(tmp_path / "walks.parquet", rows)

    write(projected(CAMERA, walk))
    report = examine("custom", tmp_path)
    assert report.exit_code == 0 and "2 takes with 3D" in report.text()
    write(exchanged(projected(CAMERA, walk), *LEGS, *ARMS))
    report = examine("custom", tmp_path)
    assert report.exit_code == 1 and "left and right swapped" in report.text()
