"""YOLOv3 read from Darknet's files and from ONNX, against plain NumPy and against each other."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from gsam.boxes.darknet import load_darknet
from gsam.boxes.darknet_config import read_darknet_config
from gsam.boxes.sources import box_files, open_boxes
from gsam.boxes.yolo import Yolo, load_darknet_yolo, yolo_boxes
from gsam.boxes.yolo_decoding import decode_head, letterbox, suppress
from gsam.boxes.yolo_onnx import load_onnx_yolo
from gsam.errors import ConfigError, DataError
from tests.unit.yolo_fixtures import onnx_bytes, write_network, yolov3_config

TINY = """
[net]
width=32
height=32
channels=3

[convolutional]
batch_normalize=1
filters=4
size=3
stride=2
pad=1
activation=leaky

[convolutional]
filters=4
size=3
stride=1
pad=1
activation=linear

[shortcut]
from=-2
activation=linear

[maxpool]
size=2
stride=2

[upsample]
stride=2

[route]
layers=-1,0

[convolutional]
filters=12
size=1
stride=1
pad=1
activation=linear

[yolo]
mask=1,2
anchors=4,6, 8,12, 10,20
classes=1
num=3
"""


def test_the_full_topology_has_the_size_of_the_published_file(tmp_path: Path) -> None:
    (tmp_path / "yolov3.cfg").write_text(yolov3_config(608))
    config = read_darknet_config(tmp_path / "yolov3.cfg")
    assert len(config.layers) == 107
    assert 20 + 4 * sum(layer.values() for layer in config.layers) == 248_007_048
    heads = [layer for layer in config.layers if layer.kind == "yolo"]
    assert [head.shape for head in heads] == [(255, 19, 19), (255, 38, 38), (255, 76, 76)]
    assert heads[0].anchors == ((116, 90), (156, 198), (373, 326))


def convolve(
    images: NDArray[np.float64], kernels: NDArray[np.float64], stride: int
) -> NDArray[np.float64]:
    """One image (C, H, W) with kernels (out, C, k, k), padded by half a kernel."""
    half = kernels.shape[-1] // 2
    padded = np.pad(images, ((0, 0), (half, half), (half, half)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernels.shape[-2:], axis=(1, 2))
    return np.einsum("chwij,ocij->ohw", windows[:, ::stride, ::stride], kernels)


def test_a_small_stack_equals_numpy(tmp_path: Path) -> None:
    network = load_darknet(*write_network(tmp_path, TINY))
    numbers = np.frombuffer((tmp_path / "net.weights").read_bytes()[20:], "<f4").astype(float)
    bias, scale, mean, variance = numbers[:16].reshape(4, 4)[:, :, None, None]
    kernel = numbers[16:124].reshape(4, 3, 3, 3)
    image = np.random.default_rng(1).random((3, 32, 32))
    first = convolve(image, kernel, 2)
    first = (first - mean) / (np.sqrt(variance) + 1e-6) * scale + bias
    first = np.where(first > 0, first, 0.1 * first)
    second = convolve(first, numbers[128:272].reshape(4, 4, 3, 3), 1)
    second = second + numbers[124:128, None, None] + first
    pooled = second.reshape(4, 8, 2, 8, 2).max(axis=(2, 4))
    joined = np.concatenate([pooled.repeat(2, axis=1).repeat(2, axis=2), first])
    expected = np.einsum("oc,chw->ohw", numbers[284:].reshape(12, 8), joined)
    expected += numbers[272:284, None, None]
    with torch.no_grad():
        (found,) = network(torch.from_numpy(image[None]).float())
    np.testing.assert_allclose(found[0].numpy(), expected, atol=1e-5)


def test_pooling_at_stride_1_keeps_the_size_as_tiny_yolo_needs(tmp_path: Path) -> None:
    text = TINY.replace("size=2\nstride=2\n", "size=2\nstride=1\n").replace("[upsample]", "[route]")
    text = text.replace("[route]\nstride=2", "[route]\nlayers=-1")
    network = load_darknet(*write_network(tmp_path, text))
    assert [layer.shape for layer in network.config.layers][3] == (4, 16, 16)
    assert network(torch.rand(1, 3, 32, 32))[0].shape == (1, 12, 16, 16)


def test_onnx_and_darknet_files_of_one_network_agree(tmp_path: Path) -> None:
    files = write_network(tmp_path, yolov3_config(96, thinner=16))
    network = load_darknet(*files)
    (tmp_path / "net.onnx").write_bytes(onnx_bytes(network))
    batch = np.random.default_rng(2).random((2, 3, 96, 96)).astype(np.float32)
    ours, theirs = load_darknet_yolo(*files), load_onnx_yolo(tmp_path / "net.onnx", 96, 96)
    for first, second in zip(_sorted(ours.run(batch)), _sorted(theirs.run(batch)), strict=True):
        np.testing.assert_allclose(first, second, rtol=1e-3, atol=1e-3)
    assert ours.run(batch)[0].shape == (2, 3 * (9 + 36 + 144), 4)


def _sorted(candidates: tuple[NDArray[np.float32], ...]) -> tuple[NDArray[np.float32], ...]:
    boxes, scores = candidates
    order = np.lexsort((boxes[..., 0].round(1), boxes[..., 1].round(1), boxes[..., 2].round(1)))
    return np.take_along_axis(boxes, order[..., None], 1), np.take_along_axis(scores, order, 1)


def test_boxes_of_pictures_lie_inside_and_do_not_repeat(tmp_path: Path) -> None:
    write_network(tmp_path, yolov3_config(96, thinner=16))
    source = open_boxes(str(tmp_path / "net.cfg"), minimum_score=0.3)
    random = np.random.default_rng(3)
    pictures = [
        random.integers(0, 255, (height, width, 3), np.uint8)
        for height, width in [(60, 200), (200, 60), (96, 96), (1, 300)]
    ]
    found = source(["a", "b", "c", "d"], pictures)
    assert sum(len(each.xywh) for each in found) > 10
    for each, picture in zip(found, pictures, strict=True):
        assert (each.xywh[:, 2:] > 0).all() and (each.xywh[:, :2] >= 0).all()
        assert (each.xywh[:, :2] + each.xywh[:, 2:] <= np.array(picture.shape[1::-1]) + 1e-3).all()
        assert (np.diff(each.scores) <= 0).all() and (each.scores >= 0.3).all()
    again = source(["c"], [pictures[2]])[0]
    np.testing.assert_allclose(again.xywh, found[2].xywh, rtol=1e-4, atol=1e-3)


def test_a_planted_answer_comes_back_in_the_pixels_of_the_picture() -> None:
    raw = torch.full((1, 2 * 7, 4, 4), -20.0)
    cells = raw.view(1, 2, 7, 4, 4)
    cells[0, 1, :, 2, 1] = torch.tensor([0.0, 0.0, np.log(2.0), 0.0, 20.0, 20.0, -20.0])
    cells[0, 0, :, 0, 0] = torch.tensor([0.0, 0.0, 0.0, 0.0, 20.0, -20.0, 20.0])  # no person
    boxes, scores = decode_head(raw, [(5, 5), (20, 40)], 128, 128)
    yolo = Yolo(128, 128, lambda batch: (boxes.numpy(), scores.numpy()))
    picture = np.zeros((64, 256, 3), np.uint8)  # shrunk by 2, 48 px of grey above and below
    (found,) = yolo_boxes(yolo)(["a"], [picture])
    np.testing.assert_allclose(found.xywh, [[56.0, 24.0, 80.0, 40.0]], atol=1e-4)
    assert found.scores[0] == pytest.approx(1.0)


def test_candidates_that_are_not_finite_are_dropped() -> None:
    boxes = np.array([[[np.nan, 9, 9, 9], [9, 9, np.inf, 9], [99, 9, 9, 9], [9, 9, 8, 8]]], "f")
    yolo = Yolo(32, 32, lambda batch: (boxes, np.ones((1, 4), np.float32)))
    (found,) = yolo_boxes(yolo)(["a"], [np.zeros((32, 32, 3), np.uint8)])
    np.testing.assert_array_equal(found.xywh, [[5, 5, 8, 8]])


@given(st.integers(1, 700), st.integers(1, 700), st.sampled_from([(96, 96), (416, 288)]))
def test_letterbox_keeps_aspect_and_finds_the_way_back(
    height: int, width: int, size: tuple[int, int]
) -> None:
    picture = np.zeros((height, width, 3), np.uint8)
    planar, place = letterbox(picture, *size)
    assert planar.shape == (3, *size)
    inside = planar[:, place.top : place.top + place.inner_height]
    inside = inside[:, :, place.left : place.left + place.inner_width]
    assert not inside.any() and (planar == 0.5).sum() == planar.size - inside.size
    middle = [place.left + place.inner_width / 2, place.top + place.inner_height / 2]
    whole = np.array([[*middle, place.inner_width, place.inner_height]], np.float32)
    np.testing.assert_allclose(place.to_picture(whole), [[0, 0, width, height]], atol=1e-3)


def test_letterbox_keeps_colours() -> None:
    picture = np.full((40, 40, 3), (255, 128, 0), np.uint8)
    planar, _ = letterbox(picture, 96, 96)
    np.testing.assert_allclose(planar[:, 48, 48], [1.0, 128 / 255, 0.0], atol=1e-6)


@given(st.integers(0, 25), st.floats(0.05, 0.95), st.integers(0, 2**32 - 1))
def test_suppression_against_the_definition(count: int, overlap: float, seed: int) -> None:
    random = np.random.default_rng(seed)
    boxes = random.integers(1, 30, (count, 4)).astype(np.float32)
    scores = random.integers(0, 5, count).astype(np.float32)
    kept: list[int] = []
    for row in sorted(range(count), key=lambda row: (-scores[row], row)):
        if all(_overlap(boxes[row], boxes[other]) <= overlap for other in kept):
            kept.append(row)
    np.testing.assert_array_equal(suppress(boxes, scores, overlap), kept)


def _overlap(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    common = 1.0
    for axis in (0, 1):
        low = max(float(first[axis]), float(second[axis]))
        high = min(float(box[axis]) + float(box[axis + 2]) for box in (first, second))
        common *= max(0.0, high - low)
    areas = sum(float(box[2]) * float(box[3]) for box in (first, second))
    return common / (areas - common)


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda content: content[:-4], r"net\.weights: 379 numbers, expected 380 .* net\.cfg"),
        (lambda content: content + b"\0\0\0\0", "381 numbers, expected 380"),
        (lambda content: content[:-1], r"379\.75 numbers"),
        (lambda content: content[:12], "12 bytes, not a Darknet"),
        (lambda content: content[:-4] + struct.pack("<f", np.nan), "not finite"),
        (lambda content: content[:68] + struct.pack("<f", -1.0) + content[72:], "variance"),
    ],
)
def test_weights_that_do_not_fit(change, message: str, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    config, weights = write_network(tmp_path, TINY)
    weights.write_bytes(change(weights.read_bytes()))
    with pytest.raises(DataError, match=message):
        load_darknet(config, weights)


def test_old_headers_are_4_bytes_shorter(tmp_path: Path) -> None:
    config, weights = write_network(tmp_path, TINY)
    new, content = load_darknet(config, weights), weights.read_bytes()
    weights.write_bytes(struct.pack("<4i", 0, 1, 0, 7) + content[20:])
    old = load_darknet(config, weights)
    for key, value in old.state_dict().items():
        assert torch.equal(value, new.state_dict()[key])


def test_files_of_a_source_are_all_it_reads() -> None:
    assert box_files("truth") == ()
    assert box_files("a/people.json") == (Path("a/people.json"),)
    assert box_files("a/net.cfg") == (Path("a/net.cfg"), Path("a/net.weights"))


def test_absent_files(tmp_path: Path) -> None:
    config, weights = write_network(tmp_path, TINY)
    weights.unlink()
    with pytest.raises(DataError, match=r"net\.weights: cannot be read"):
        open_boxes(str(config))
    with pytest.raises(DataError, match=r"none\.cfg: not a readable"):
        open_boxes(str(tmp_path / "none.cfg"))
    with pytest.raises(DataError, match=r"none\.onnx: no such file"):
        open_boxes(str(tmp_path / "none.onnx"))
    with pytest.raises(ConfigError, match="expected truth, a COCO results"):
        open_boxes("yolo")


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("[maxpool]", "[reorg]", r"net\.cfg, line 26, \[reorg\]: unknown layer, expected one of"),
        ("filters=12", "filters=13", r"line 43, \[yolo\]: the layer before has 13 channels"),
        ("from=-2", "from=-9", r"\[shortcut\]: from = -9: expected layers before number 2"),
        ("layers=-1,0", "layers=-1,3", r"\[route\]: joins layers of the sizes"),
        ("layers=-1,0", "layers=", r"\[route\]: layers = nothing: expected whole numbers"),
        ("layers=-1,0", "layers=7", r"\[route\]: layers = 7"),
        ("activation=leaky", "activation=mish", "activation = mish: expected leaky or linear"),
        ("classes=1", "classes=1\nscale_x_y=1.05", "scale_x_y is not supported"),
        ("pad=1", "pad=1\ngroups=2", "groups is not supported"),
        ("filters=4", "filters=0", "filters = 0: expected a whole number from 1 to 65536"),
        ("filters=4", "filters=many", "filters = many"),
        ("mask=1,2", "mask=1,3", r"mask \[1, 3\] of the anchors"),
        ("width=32", "width=99999", r"\[net\]: width = 99999"),
        ("channels=3", "channels=1", r"\[net\]: channels = 1"),
        ("width=32", "width", "line 3: 'width', expected"),
        ("[net]", "[convolutional]", r"expected the section \[net\] first"),
        ("filters=4\nsize=3\nstride=1", "filters=5\nsize=3\nstride=1", "adds the shapes"),
        (
            "height=32\nchannels=3\n",
            "height=32\nchannels=3\n[maxpool]\nstride=31\n[convolutional]\nsize=5\nfilters=2\n",
            r"answers with the shape \(2, -2, -2\)",
        ),
    ],
)
def test_wrong_configurations_name_the_line(
    old: str, new: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "net.cfg"
    path.write_text(TINY.replace(old, new, 1))
    with pytest.raises(DataError, match=message):
        read_darknet_config(path)


def test_files_that_are_no_configuration(tmp_path: Path) -> None:
    path = tmp_path / "net.cfg"
    for content in (b"", b"\xff\xfe\x00", b"[net]\nwidth=32\nheight=32\n"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"net\.cfg"):
            read_darknet_config(path)


@pytest.mark.parametrize("content", [b"", b"garbage" * 40])
def test_files_that_are_no_onnx(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"net\.onnx"):
        load_onnx_yolo(path)


def test_onnx_of_another_network(tmp_path: Path) -> None:
    text = TINY.replace("[maxpool]\nsize=2\nstride=2\n\n[upsample]\nstride=2\n\n", "")
    content = onnx_bytes(load_darknet(*write_network(tmp_path, text)))
    (tmp_path / "net.onnx").write_bytes(content)
    with pytest.raises(DataError, match=r"answers of the shapes .*expected three maps"):
        load_onnx_yolo(tmp_path / "net.onnx", 32, 32)
    (tmp_path / "net.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"net\.onnx"):
        load_onnx_yolo(tmp_path / "net.onnx", 32, 32)


def test_onnx_with_decoded_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    rows = np.zeros((1, 5, 85), np.float32)
    rows[0, 2, :6] = [16, 16, 8, 12, 0.9, 0.8]

    class Network:
        def setInput(self, batch: NDArray[np.float32]) -> None:
            assert batch.shape == (1, 3, 32, 32)

        def forward(self, names: list[str]) -> list[NDArray[np.float32]]:
            return [rows]

        def getUnconnectedOutLayersNames(self) -> list[str]:
            return ["rows"]

    (tmp_path / "net.onnx").write_bytes(b"")
    monkeypatch.setattr(cv2.dnn, "readNetFromONNX", lambda path: Network())
    monkeypatch.setattr("gsam.boxes.yolo_onnx.try_onnx", lambda *_: None)
    source = yolo_boxes(load_onnx_yolo(tmp_path / "net.onnx", 32, 32))
    (found,) = source(["a"], [np.zeros((64, 64, 3), np.uint8)])
    np.testing.assert_allclose(found.xywh, [[24, 20, 16, 24]], atol=1e-4)
    assert found.scores[0] == pytest.approx(0.72)
