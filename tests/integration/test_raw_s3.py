"""Stages make of raw data at s3:// what they make of the same folder; kills cost nothing."""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsam.datasets.human36m.files import KEYPOINT_FILES, SUBJECTS
from gsam.errors import LicensedDataMissing
from gsam.storage import read_json
from pipelines.object_store import client, split
from stages import (
    bodies,
    detect,
    extract,
    images,
    keypoints,
    raw,
    raw_images,
    raw_threedpw,
    train_mesh,
)
from stages.params import read_params
from tests.faulty_proxy import FaultyProxy
from tests.integration.test_end_to_end import Clone, stages_run
from tests.s3_server import Store
from tests.unit.test_bodies_stage import write_all
from tests.unit.test_bvh import bvh_text
from tests.unit.test_human36m import METADATA, person, views, write_3d
from tests.unit.test_human36m_frames import write_video
from tests.unit.test_images_stage import write_coco, write_mpii, write_poses
from tests.workspaces import REPOSITORY


@pytest.fixture
def unexamined(monkeypatch: pytest.MonkeyPatch) -> None:
    """The data doctor stays away: what is fetched here are arrays, not people."""
    for stage in (raw, raw_images, raw_threedpw):
        monkeypatch.setattr(stage, "require_sound", lambda dataset, folder: None)


@pytest.fixture
def bucket(s3_store: Store) -> str:
    return f"s3://{split(s3_store.uri)[0]}"


def upload(folder: Path, location: str) -> None:
    bucket, prefix = split(location)
    for path in folder.rglob("*"):
        if path.is_file():
            key = f"{prefix}/{path.relative_to(folder).as_posix()}"
            client().put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def plan(**stages: dict[str, Any]) -> None:
    for stage, content in stages.items():
        path = Path(f"data/plan/{stage}.json")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(content))


def outs() -> dict[str, bytes]:
    """Everything that stages wrote, by path."""
    files = [path for path in Path("data").rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in files if "plan" not in path.parts}


def made_in(folder: Path, run: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> Any:
    """What a function returns and leaves in a workspace of its own."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    return run(), outs()


def write_archives(folder: Path) -> None:
    folder.mkdir()
    write_3d(folder, {subject: {"Greeting": person()} for subject in SUBJECTS})
    arrays: dict[str, Any] = {
        "positions_2d": {subject: {"Greeting": views()} for subject in SUBJECTS},
        "metadata": METADATA["human36m_17"],
    }
    np.savez_compressed(folder / KEYPOINT_FILES["cpn"], **arrays)


def write_motion(folder: Path) -> None:
    folder.mkdir()
    for take in range(1, 6):
        (folder / f"dataset-2_walk_active_{take:03d}.bvh").write_text(bvh_text())


@pytest.mark.parametrize(
    ("data", "write", "options"),
    [("archives", write_archives, {"test_subjects": ["S9"]}), ("bvh", write_motion, {})],
)
@pytest.mark.usefixtures("unexamined")
def test_lifting_data_is_the_same_from_a_bucket(
    tmp_path: Path,
    bucket: str,
    monkeypatch: pytest.MonkeyPatch,
    data: str,
    write: Callable[[Path], None],
    options: dict[str, Any],
) -> None:
    write(tmp_path / "raw")
    upload(tmp_path / "raw", f"{bucket}/raw")

    def run(location: str) -> list[str]:
        plan(
            raw={"data": data, "folder": location},
            extract={"data": data, "options": options},
            keypoints={"data": data, "seed": 0},
        )
        return [stage.main([]) for stage in (raw, extract, keypoints)]

    local, files = made_in(tmp_path / "a", lambda: run(f"{tmp_path}/raw"), monkeypatch)
    fetched, others = made_in(tmp_path / "b", lambda: run(f"{bucket}/raw"), monkeypatch)
    assert local[1:] == fetched[1:] and f" files in {bucket}/raw" in fetched[0]
    assert len(files) >= 8
    # Only the manifest, and what says that a file is not there, name the folder.
    place = f"{tmp_path}/raw".encode()
    assert {k: v.replace(place, f"{bucket}/raw".encode()) for k, v in files.items()} == others
    assert place in files["data/source/manifest.json"]


@pytest.mark.usefixtures("unexamined")
def test_pictures_are_the_same_from_a_bucket(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    folders = {name: tmp_path / name for name in ("human36m", "coco", "mpii", "threedpw")}
    write_video(folders["human36m"], 7, "Photo 1")
    write_coco(folders["coco"])
    write_mpii(folders["mpii"])
    write_all(folders["threedpw"])
    for name, folder in folders.items():
        upload(folder, f"{bucket}/{name}")

    def run(where: Callable[[str], str]) -> list[str]:
        places = {name: where(name) for name in ("human36m", "coco", "mpii")}
        video = {"data": "archives", "folder": where("threedpw")}
        body = {"step": 2, "smpl": where("smpl"), "part_size": 24}
        plan(
            raw_images={"data": "archives", "folders": places},
            images={"data": "archives", "step": 3, "size": 48, "folders": places},
            raw_threedpw=video | {"video": {}},
            bodies=video | body,
        )
        write_poses(Path("data/poses"))
        return [stage.main([]) for stage in (raw_images, images, raw_threedpw, bodies)]

    local, files = made_in(tmp_path / "a", lambda: run(lambda n: str(tmp_path / n)), monkeypatch)
    fetched, others = made_in(tmp_path / "b", lambda: run(lambda n: f"{bucket}/{n}"), monkeypatch)
    assert local[:2] == fetched[:2] and local[3] == fetched[3]
    assert "missing" not in " ".join(local)
    assert files.keys() == others.keys()
    differing = [name for name in files if files[name] != others[name]]
    assert sorted(differing) == [
        "data/source_images/manifest.json",
        "data/source_threedpw/manifest.json",
    ]
    for name in differing:
        place = str(tmp_path).encode()
        assert files[name].replace(place, bucket.encode()) == others[name]


def test_a_bucket_without_the_archives_says_who_grants_them_and_where_they_go(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    plan(raw={"data": "archives", "folder": f"{bucket}/none"})
    with pytest.raises(LicensedDataMissing, match=rf"^{bucket}/none: .* into {bucket}/none"):
        raw.main([])
    plan(raw_threedpw={"data": "archives", "video": {}, "folder": f"{bucket}/none"})
    assert raw_threedpw.main([]).endswith(f"into {bucket}/none")
    reason = read_json("data/source_threedpw/missing.json")["reason"]
    assert reason.startswith(f"{bucket}/none: sequenceFiles missing")


def test_killed_at_any_instant_it_goes_on(
    tmp_path: Path, bucket: str, s3_proxy: FaultyProxy
) -> None:
    content = {f"{number}.npz": os.urandom(3_000_000) for number in range(12)}
    for name, data in content.items():
        client().put_object(Bucket=bucket[5:], Key=f"raw/{name}", Body=data)
    code = (
        f"from pipelines.raw_fetch import local_folder\n"
        f"with local_folder('{bucket}/raw') as folder: print(folder)"
    )
    s3_proxy.rule(method="GET", path="npz", wait=0.2)
    draw = random.Random(5)
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    for kill in (True, False):
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        if kill:
            before = len(s3_proxy.calls)
            while len(s3_proxy.calls) < before + 5:
                time.sleep(0.01)
            time.sleep(draw.uniform(0.0, 0.4))
            process.kill()
        output = process.communicate()[0]
        for path in tmp_path.glob(".gsam/raw/*/files/*"):
            assert path.read_bytes() == content[path.name]
    assert process.returncode == 0
    assert len(list((tmp_path / output.strip()).iterdir())) == 12


def test_boxes_and_backbones_come_from_a_bucket(
    tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    raw = {key: f"{bucket}/{key}" for key in ("boxes", "weights")}
    names = {"boxes": "person.json", "weights": "hrnet.pth"}
    files = {key: replace(read_params(REPOSITORY / "params.yaml"), raw=raw).raw_file(key, name)
             for key, name in names.items()}  # fmt: skip
    for location in files.values():
        client().put_object(Bucket=bucket[5:], Key=split(location)[1], Body=location.encode())
    options = {"flip_test": False, "quarter_offset": True, "batch_size": 1, "boxes": files["boxes"]}
    plan(**{"detectors/hrnet": {"detect": options}})
    monkeypatch.setattr(detect, "find", lambda name, run, config: config.boxes)
    with train_mesh.started({"backbone": files["weights"]}) as run:
        seen = [detect.main(["hrnet"]), run["backbone"]]
    assert [Path(file).name for file in seen] == list(names.values())
    assert [Path(file).read_text() for file in seen] == list(files.values())
    assert Path(seen[0]).is_absolute()


@pytest.mark.slow
def test_dvc_takes_a_bucket_for_a_folder(tmp_path: Path, bucket: str) -> None:
    write_motion(tmp_path / "raw")
    upload(tmp_path / "raw", f"{bucket}/raw")
    (tmp_path / "clone").mkdir()
    clone = Clone(tmp_path / "clone")
    options = [word for one in ("data=bvh", f"raw.bvh={bucket}/raw") for word in ("-S", one)]
    output = clone.run("dvc", "exp", "run", *options, "extract")
    assert stages_run(output) == {"plan", "raw", "extract"}
    assert f"fetching 4.38 kB from {bucket}/raw (files: 5)" in output
    assert stages_run(clone.run("dvc", "repro", "extract")) == set()
    text = bvh_text(frames=6).encode()
    client().put_object(Bucket=bucket[5:], Key="raw/dataset-2_walk_active_003.bvh", Body=text)
    output = clone.run("dvc", "repro", "extract")
    assert stages_run(output) == {"raw", "extract"}
    assert f"from {bucket}/raw (files: 1)" in output
    output = clone.run("dvc", "exp", "run", "-S", f"raw.bvh={bucket}/none", "extract", code=255)
    assert f"dependency '{bucket}/none' does not exist" in output
