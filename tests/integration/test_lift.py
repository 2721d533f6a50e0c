"""pipelines.lift: a tool's file to predictions and a sheet, or one line of what is wrong."""

import json
import sys

import cv2
import numpy as np
import pytest
import torch

from gsam.cameras import normalise_screen
from gsam.evaluation import lifting
from gsam.lifters import LifterConfig, build_lifter
from gsam.schemas import PREDICTIONS, metadata_of
from gsam.skeletons import COCO_17, H36M_17, convert
from gsam.storage import array_column, read_table
from gsam.weights import save_network
from pipelines import lift

SIZE = (1000, 800)


@pytest.fixture
def files(tmp_path):
    """A list of COCO results over 12 frames from frame 5 on, and a lifter's weights."""
    rng = np.random.default_rng(0)
    points = rng.uniform(300, 500, (1, 17, 2)) + rng.normal(0, 3, (12, 17, 2))
    rows = [
        {"image_id": 5 + t, "category_id": 1, "score": 0.9,
         "keypoints": np.concatenate([one, np.ones((17, 1))], axis=1).ravel().tolist()}
        for t, one in enumerate(points)
    ]  # fmt: skip
    (tmp_path / "walk.json").write_text(json.dumps(rows))
    torch.manual_seed(0)
    config = LifterConfig(name="videopose3d", frames=9, stages=2, channels=16, head="centre")
    model = build_lifter(config)
    save_network(tmp_path / "lifter.safetensors", model.state_dict(), config, {"run": "tiny"})
    return tmp_path, points, model


def run(monkeypatch, folder, *words, out="found"):
    command = ["lift", str(folder / "walk.json"), "--lifter", str(folder / "lifter.safetensors")]
    monkeypatch.setattr(sys, "argv", [*command, "--out", str(folder / out), *words])
    lift.main()


def test_predictions_are_the_lifters_answers(files, monkeypatch, capsys):
    folder, points, model = files
    words = ("--size", "1000x800", "--joints", "coco_17")
    run(monkeypatch, folder, *words)
    assert "12 frames lifted by tiny from coco_17" in capsys.readouterr().out
    table = read_table(folder / "found/predictions.parquet", PREDICTIONS)
    assert table.column("frame").to_pylist() == list(range(5, 17))
    assert metadata_of(table)["joint_names"] == list(H36M_17.joints)
    pixels = convert(points, COCO_17, H36M_17).astype(np.float32)
    screen = torch.from_numpy(normalise_screen(pixels, *SIZE).astype(np.float32))
    with torch.inference_mode():
        expected = lifting(model, flip_test=True)(screen).numpy()
    np.testing.assert_allclose(array_column(table, "joints", (17, 3)), expected, atol=1e-6)
    sheet = cv2.imread(str(folder / "found/sheet.png"))
    assert sheet.shape[1] > 800 and (sheet < 200).any()
    run(monkeypatch, folder, *words, out="again")
    for name in ("predictions.parquet", "sheet.png"):
        assert (folder / "found" / name).read_bytes() == (folder / "again" / name).read_bytes()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 1, "say --size"),
        (("--size", "wide"), 2, "expected WIDTHxHEIGHT"),
        (("--size", "1000x800", "--person", "3"), 2, "has no tracks"),
    ],
)
def test_one_line_and_nothing_written(words, code, message, files, monkeypatch, capsys):
    folder = files[0]
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, folder, *words)
    error = capsys.readouterr().err
    assert end.value.code == code and message in error and error.count("\n") == 1
    assert not (folder / "found").exists()
