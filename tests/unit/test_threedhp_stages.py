"""MPI-INF-3DHP through its stages: the same clips, byte for byte, from whichever layout."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.clips import ClipSet
from gsam.datasets.mpi_inf_3dhp.files import TESTS
from gsam.datasets.pose_tables import take_rows
from gsam.errors import LicensedDataMissing
from gsam.lifters import LifterConfig, build_lifter
from gsam.metrics.inference_data import read_inference_data
from gsam.storage import digest, write_json
from gsam.twin.threedhp import LAYOUTS, TwinThreedhpConfig, generate
from gsam.twin.threedhp.generate import Layout
from gsam.weights import save_network
from pipelines.preprocess import write_clips
from stages import export_threedhp, extract_threedhp, paths, preprocess, raw_threedhp

SMALL = TwinThreedhpConfig(seconds=4.0, test_seconds=4.0, seed=5)
SOURCE = "threedhp_gt"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def extract(data: str, folder: str = "raw") -> tuple[str, str]:
    """Run both stages; returns their summary lines."""
    plan: dict[str, Any] = {"data": data, "folder": folder}
    write_json("data/plan/raw_threedhp.json", {**plan, "twin": vars(SMALL)})
    write_json("data/plan/extract_threedhp.json", {**plan, "cameras": "vnect"})
    return raw_threedhp.main([]), extract_threedhp.main([])


def clips(splits: tuple[str, ...] = ("train", "test")) -> Path:
    """The clips of the extracted takes, written without Ray."""
    folder = paths.CLIPS / SOURCE
    rows = take_rows(paths.THREEDHP_POSES)
    for row, cameras in [found for found in rows if found[0]["split"] in splits]:
        write_clips(
            {
                "row": row,
                "cameras": cameras,
                "poses": str(paths.THREEDHP_POSES),
                "keypoints": str(paths.KEYPOINTS / SOURCE),
                "frames_of": "",
                "out": str(folder),
                "source": SOURCE,
            }
        )
    return folder


def test_both_layouts_and_the_made_twin_give_the_same_clips(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashes = {}
    routes: dict[str, Layout | None] = {"twin": None, **{layout: layout for layout in LAYOUTS}}
    for route, layout in routes.items():
        place = tmp_path / route
        place.mkdir()
        monkeypatch.chdir(place)
        if layout:
            Path("raw").mkdir()
            generate(Path("raw"), SMALL, layout)
        made, read = extract("archives" if layout else "twin")
        files = {"official": 38, "npz": 2}
        assert f"archives  {files[layout]} files" in made if layout else made.startswith("twin of")
        # In the original's layout, and never taken for the original.
        assert read.startswith("mpi_inf_3dhp_twin  134 takes (128 train, 6 test)")
        hashes[route] = digest(clips())
    assert len(set(hashes.values())) == 1


def test_frames_that_are_not_valid_feed_windows_and_are_not_scored(here: Path) -> None:
    extract("twin")
    found = ClipSet.load(clips(("test",)), "test")
    assert [info.sequence for info in found.info] == [f"{name}/0" for name in TESTS]
    assert {info.action for info in found.info} == {test.setting for test in TESTS.values()}
    assert found.num_frames == 6 * 100 and 0 < int(found.valid.sum()) < found.num_frames
    assert bool(np.isfinite(found.keypoints.numpy()).all())


def test_without_the_dataset_every_out_says_where_to_get_it(here: Path) -> None:
    Path("raw").mkdir()
    made, read = extract("archives")
    assert "missing" in made and read == "threedhp_gt missing"
    for folder in (paths.THREEDHP_POSES, paths.KEYPOINTS / SOURCE):
        assert "granted by its authors" in (folder / "missing.json").read_text()
    assert preprocess.main(["threedhp"]) == "clips  none"
    with pytest.raises(LicensedDataMissing, match="MPI-INF-3DHP is granted"):
        paths.clips_folder(SOURCE)
    assert extract("bvh")[0] == "missing: data=bvh comes without MPI-INF-3DHP"


def test_answers_are_exported_for_the_official_scorer(here: Path) -> None:
    extract("twin")
    clips(("test",))
    config = LifterConfig(name="martinez", channels=16, frames=1)
    weights = paths.MODELS / "run" / "seed0.safetensors"
    weights.parent.mkdir(parents=True)
    save_network(weights, build_lifter(config).state_dict(), config, {})
    write_json("data/plan/runs/run.json", {"keypoints": SOURCE, "lifter": config.as_dict()})
    write_json(paths.RUNS / "run" / "train.json", {"status": "ok", "seeds": {"0": {}}})
    export_threedhp.main(["run"])
    found = read_inference_data(paths.PREDICTIONS / "run" / "seed0" / "inference_data.mat")
    test = ClipSet.load(paths.CLIPS / SOURCE, "test")
    valid = {
        info.subject: int(test.valid[test.frames_of(clip)].sum())
        for clip, info in enumerate(test.info)
    }
    assert {name: len(poses) for name, poses in found.items()} == valid
    write_json(paths.RUNS / "run" / "train.json", {"status": "missing", "reason": "no data"})
    assert export_threedhp.main(["run"]) == "left out: no data"
