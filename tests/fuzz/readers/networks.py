"""Checkpoints of others and our own, person detectors, and settings beside them."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save

from gsam.boxes.darknet import load_darknet
from gsam.boxes.sources import open_boxes
from gsam.checkpoints.beside import hints_beside
from gsam.checkpoints.importing import import_checkpoint
from gsam.checkpoints.pare_settings import read_pare_settings
from gsam.checkpoints.read import read_checkpoint
from gsam.lifters import LifterConfig, build_lifter
from gsam.weights import load_detector, load_lifter, load_mesh, stored_config
from tests.fuzz.reader import Reader
from tests.fuzz.readers.dumps import as_json, as_yaml
from tests.unit.test_translate import forms, state_of
from tests.unit.yolo_fixtures import onnx_bytes, write_network, yolov3_config

LIFTER = LifterConfig(frames=3, width=4, depth=1, heads=2)


@cache
def detector() -> dict[str, Any]:
    return dict(state_of("simplebaseline"))


def as_torch(value: Any, zipped: bool = True) -> bytes:
    out = io.BytesIO()
    torch.save(value, out, _use_new_zipfile_serialization=zipped)
    return out.getvalue()


def as_legacy(value: Any) -> bytes:
    return as_torch(value, zipped=False)


def small() -> dict[str, Any]:
    """As training scripts leave it."""
    return {"epoch": 3, "state_dict": {f"module.layer{n}": torch.ones(n + 1) for n in range(3)}}


def own(kind: str, config: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    return {"notes": {kind: config, "run": "main", "seed": 0}, "state": state}


def as_own(content: dict[str, Any]) -> bytes:
    return save(content["state"], {"gsam": as_json(content["notes"]).decode()})


def lifter() -> dict[str, Any]:
    torch.manual_seed(0)
    return own("lifter", LIFTER.as_dict(), build_lifter(LIFTER).state_dict())


def published_lifter() -> dict[str, Any]:
    """As PoseFormer's training leaves it."""
    config = LifterConfig(name="poseformer", frames=3, width=8, depth=1)
    state = {f"module.{key}": value for key, value in build_lifter(config).state_dict().items()}
    return {"epoch": 1, "lr": 0.1, "optimizer": {}, "model_pos": state}


def own_detector() -> dict[str, Any]:
    from tests.unit.test_translate import SMALL

    return own("detector", SMALL["simplebaseline"].as_dict(), detector())


def own_mesh() -> dict[str, Any]:
    from gsam.meshes.build import build_mesh
    from gsam.meshes.config import MeshConfig

    config = MeshConfig(name="hmr", backbone="resnet", size=64, depth=14, base=4, hidden=8)
    return own("mesh", config.as_dict(), dict(build_mesh(config).state_dict()))


def _imported(name: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        return import_checkpoint(folder / name, hints_beside(folder / name)).text()

    return read


def _own(load: Callable[[Path], object]) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        stored_config(folder / "a.safetensors")
        return load(folder / "a.safetensors")

    return read


@cache
def yolo() -> dict[str, bytes]:
    """The smallest network that is still YOLOv3, in all three files."""
    with tempfile.TemporaryDirectory() as folder:
        config, weights = write_network(Path(folder), yolov3_config(32, thinner=32, classes=1))
        onnx = onnx_bytes(load_darknet(config, weights))
        found = {"net.cfg": config.read_bytes(), "net.weights": weights.read_bytes()}
        return found | {"net.onnx": onnx}


def _yolo(name: str, beside: str = "") -> Reader:
    return Reader(
        name=f"yolo {name.rpartition('.')[2]}",
        file=name,
        content=lambda: yolo()[name],
        twists=False,
        beside=lambda: {beside: yolo()[beside]} if beside else {},
        read=lambda folder: open_boxes(str(folder / ("net.cfg" if beside else name))),
    )


READERS = [
    Reader(
        name="checkpoint",
        file="a.pth",
        content=small,
        dump=as_torch,
        read=lambda folder: read_checkpoint(folder / "a.pth"),
    ),
    Reader(
        name="checkpoint legacy",
        file="a.pth.tar",
        content=small,
        dump=as_legacy,
        read=lambda folder: read_checkpoint(folder / "a.pth.tar"),
    ),
    Reader(
        name="checkpoint safetensors",
        file="a.safetensors",
        content=lambda: small()["state_dict"],
        dump=save,
        read=lambda folder: read_checkpoint(folder / "a.safetensors"),
    ),
    Reader(
        name="detector checkpoint",
        file="a.pth",
        content=lambda: forms(detector())["data parallel"],
        dump=as_torch,
        read=_imported("a.pth"),
    ),
    Reader(
        name="lifter checkpoint",
        file="a.bin",
        content=published_lifter,
        dump=as_torch,
        read=_imported("a.bin"),
    ),
    Reader(
        name="detector settings",
        file="a.yaml",
        content=lambda: {"joint_set": "coco_17", "size": "64x64"},
        dump=as_yaml,
        beside=lambda: {"a.pth": as_torch(detector())},
        read=_imported("a.pth"),
    ),
    Reader(
        name="own lifter",
        file="a.safetensors",
        content=lifter,
        dump=as_own,
        read=_own(load_lifter),
    ),
    Reader(
        name="own detector",
        file="a.safetensors",
        content=own_detector,
        dump=as_own,
        read=_own(load_detector),
    ),
    Reader(
        name="own mesh",
        file="a.safetensors",
        content=own_mesh,
        dump=as_own,
        read=_own(load_mesh),
    ),
    Reader(
        name="pare settings",
        file="a.yaml",
        content=lambda: {"PARE": {"NUM_JOINTS": 24}, "DATASET": {"IMG_RES": 224}},
        dump=as_yaml,
        read=lambda folder: read_pare_settings(folder / "a.yaml"),
    ),
    _yolo("net.cfg", "net.weights"),
    _yolo("net.weights", "net.cfg"),
    _yolo("net.onnx"),
]
