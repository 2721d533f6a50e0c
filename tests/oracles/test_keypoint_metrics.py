"""COCO AP, OKS suppression and PCKh against the references' numbers."""

import json

import numpy as np
import pytest

from gsam.images import ImageSet, ImageWriter, People, encode_jpeg
from gsam.metrics import coco_ap, oks
from gsam.metrics.pckh import GROUPS, pckh
from gsam.skeletons import COCO_17, MPII_16


def _load(folder, name):
    with np.load(folder / f"{name}.npz") as arrays:
        return json.loads((folder / f"{name}.json").read_text()), dict(arrays)


# --- metrics/coco_keypoint_ap ---------------------------------------------------------------

_REFERENCE_NAMES = dict(
    zip(
        coco_ap.FIGURES,
        ("AP", "AP50", "AP75", "AP_M", "AP_L", "AR", "AR50", "AR75", "AR_M", "AR_L"),
        strict=True,
    )
)


@pytest.mark.parametrize("case", ["near_perfect", "moderate", "poor", "many_duplicates"])
def test_coco_ap(oracles, case, capsys):
    data, arrays = _load(oracles / "metrics", "coco_keypoint_ap")
    before = json.dumps(data)
    evaluation = coco_ap.evaluate(data["ground_truth"], data["detections"][case])
    expected = [data["results"][case][name] for name in _REFERENCE_NAMES.values()]
    np.testing.assert_allclose(evaluation.stats, expected, rtol=1e-9)
    for table in ("precision", "recall"):
        found = evaluation.eval[table]
        np.testing.assert_allclose(found, arrays[f"{case}/{table}"], rtol=1e-6)
    assert json.dumps(data) == before and capsys.readouterr().out == ""


@pytest.mark.parametrize("case", ["near_perfect", "moderate", "poor", "many_duplicates"])
def test_coco_ap_of_our_own_people(oracles, case, tmp_path):
    # Through our types: people as an image set has them, detections as a detector gives them.
    data, _ = _load(oracles / "metrics", "coco_keypoint_ap")
    truth, numbers = _image_set(tmp_path, data["ground_truth"])
    found = data["detections"][case]
    joints = np.array([d["keypoints"] for d in found], float).reshape(-1, 17, 3)
    # Scores that give back the fixture's, and areas so small that nobody is anybody's double.
    detected = coco_ap.DetectedPeople(
        image=np.array([numbers[d["image_id"]] for d in found]),
        points=joints[..., :2],
        scores=np.ones(joints.shape[:2]),
        box_scores=np.array([d["score"] for d in found]),
        areas=np.full(len(found), 1e-9),
    )
    figures = coco_ap.average_precision(truth, detected)
    expected = {k: 100 * data["results"][case][name] for k, name in _REFERENCE_NAMES.items()}
    assert figures == pytest.approx(expected, rel=1e-9)


def _image_set(folder, content):
    """The people of a COCO file as an image set, and the number of every image by its id."""
    jpeg = encode_jpeg(np.zeros((8, 8, 3), np.uint8))
    with ImageWriter(folder, "val", "fixture", "coco_17", "tests") as writer:
        for image in content["images"]:
            own = [a for a in content["annotations"] if a["image_id"] == image["id"]]
            keypoints = np.array([a["keypoints"] for a in own], float).reshape(-1, 17, 3)
            people = People(
                points=keypoints[..., :2],
                visibility=np.array([0, 1, 3])[keypoints[..., 2].astype(int)],
                boxes=np.array([a["bbox"] for a in own]),
                areas=np.array([a["area"] for a in own]),
                crowds=np.array([a["iscrowd"] for a in own], bool),
                ids=np.array([a["id"] for a in own]),
            )
            writer.add(jpeg, image=str(image["id"]), people=people)
    return ImageSet.load(folder, "val"), {
        image["id"]: i for i, image in enumerate(content["images"])
    }


# --- hrnet/oks_nms --------------------------------------------------------------------------


def test_sigmas(oracles):
    for folder, name in (("hrnet", "oks_nms"), ("metrics", "coco_keypoint_ap")):
        data, _ = _load(oracles / folder, name)
        np.testing.assert_allclose(oks.COCO_SIGMAS, data["sigmas"], rtol=1e-12)
    assert len(oks.COCO_SIGMAS) == COCO_17.size


@pytest.mark.parametrize(
    ("least", "name"), [(None, "oks_matrix"), (0.4, "oks_matrix_in_vis_thre_0p4")]
)
def test_oks_matrix(oracles, least, name):
    _, a = _load(oracles / "hrnet", "oks_nms")
    points, areas = a["keypoints"], a["area"]
    found = [
        oks.similarity(p, points, s, areas, least_score=least)
        for p, s in zip(points, areas, strict=True)
    ]
    np.testing.assert_allclose(found, a[name], rtol=1e-9, atol=1e-12)


def test_oks_suppression(oracles):
    data, a = _load(oracles / "hrnet", "oks_nms")
    people = a["keypoints"], a["area"], a["score"]
    for soft, name in ((False, "oks_nms"), (True, "soft_oks_nms")):
        for threshold, expected in data["results"][name].items():
            kept = oks.suppress(*people, float(threshold), soft=soft)
            assert kept == expected, (name, threshold)


# --- metrics/mpii_pckh ----------------------------------------------------------------------


def test_pckh(oracles):
    data, a = _load(oracles / "metrics", "mpii_pckh")
    corners = a["headboxes"]
    heads = 0.6 * np.linalg.norm(corners[1] - corners[0], axis=0)
    truth = a["gt_1based"].transpose(2, 0, 1)
    labelled = 1 - a["jnt_missing"].T
    figures = pckh(a["preds_0based"][..., :2] + 1.0, truth, labelled, heads)
    expected = data["results"]
    assert figures.pop("pckh") == pytest.approx(expected["Mean"], rel=1e-6)
    assert figures.pop("pckh01") == pytest.approx(expected["Mean@0.1"], rel=1e-6)
    assert set(figures) == {f"pckh_{group}" for group in GROUPS}
    for name, value in figures.items():
        reference = expected[name.removeprefix("pckh_").capitalize()]
        assert value == pytest.approx(reference, rel=1e-6), name


def test_the_references_joint_order_is_ours(oracles):
    data, _ = _load(oracles / "metrics", "mpii_pckh")
    short = {"rank": "right_ankle", "lelb": "left_elbow", "head": "head_top", "thor": "thorax"}
    for name, joint in short.items():
        assert data["joint_names"].index(name) == MPII_16.index(joint)
