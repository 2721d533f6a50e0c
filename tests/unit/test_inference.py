"""The detector at work, with networks whose answer is known: where the crop is brightest."""

import threading
import time

import numpy as np
import pytest
import torch
from torch import nn

from gsam.ahead import ahead
from gsam.detectors.build import build_detector
from gsam.detectors.config import DetectorConfig
from gsam.detectors.inference import Crops, Detector, cut, join, stack
from gsam.errors import DataError

CONFIG = DetectorConfig(
    name="hrnet",
    height=64,
    width=64,
    channels=4,
    stem=8,
    bottlenecks=1,
    modules=(1, 1, 1),
    blocks=1,
)


class Brightest(nn.Module):
    """Heat maps of every joint: the crop's red channel, one cell per 4 x 4 pixels."""

    def __init__(self, joints: int = 17) -> None:
        super().__init__()
        self.joints = joints

    def forward(self, crops: torch.Tensor) -> tuple[torch.Tensor, ...]:
        maps = nn.functional.avg_pool2d(crops[:, :1], 4) + 3.0
        return (maps * 0.0, maps.expand(-1, self.joints, -1, -1))


def spots(places: list[tuple[int, int]], height: int = 240, width: int = 320) -> list[np.ndarray]:
    """A black picture per place (x, y) with a white spot of 5 x 5 pixels there."""
    images = []
    for x, y in places:
        image = np.zeros((height, width, 3), np.uint8)
        image[y - 2 : y + 3, x - 2 : x + 3] = 255
        images.append(image)
    return images


def pictures(count: int) -> tuple[list[np.ndarray], list[list[list[float]]]]:
    """Noise, with 0, 1 or 2 boxes each."""
    rng = np.random.default_rng(3)
    images = [rng.integers(0, 255, (90, 70 + i, 3), dtype=np.uint8) for i in range(count)]
    boxes = [[[5.0 + j, 6.0, 40.0, 60.0] for j in range(i % 3)] for i in range(count)]
    return images, boxes


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return build_detector(CONFIG)


@pytest.mark.parametrize("flip_test", [False, True])
@pytest.mark.parametrize("box", [(100, 60, 80, 80), (90, 40, 40, 120), (100, 60, 200, 60)])
def test_joints_come_back_to_the_pictures_pixels(box, flip_test: bool) -> None:
    x, y, w, h = box
    places = [(x + w // 2, y + h // 2), (x + w // 3, y + h // 3), (x + w - 8, y + h - 8)]
    detector = Detector(Brightest(), CONFIG, flip_test=flip_test)
    found = detector.detect(spots(places), [[box]] * 3)
    cell = 4 * 1.25 * max(w, h) / 64
    for (points, scores), place in zip(found, places, strict=True):
        assert points.shape == (1, 17, 2) and scores.shape == (1, 17)
        assert points.dtype == scores.dtype == np.float32
        assert np.abs(points - place).max() < 1.5 * cell


def test_every_person_of_every_picture_in_order() -> None:
    images = spots([(60, 60), (200, 100)])
    near, far = [40, 40, 40, 40], [180, 80, 40, 40]
    found = Detector(Brightest(), CONFIG, batch_size=2).detect(
        [*images, images[0]], [[near, far], [], [far, near]]
    )
    assert [len(points) for points, _ in found] == [2, 0, 2]
    assert np.array_equal(found[0][0], found[2][0][::-1])
    assert np.abs(found[0][0][0] - 60).max() < 6
    assert Detector(Brightest(), CONFIG).detect([], []) == []
    assert [len(p) for p, _ in Detector(Brightest(), CONFIG).detect(images, [[], []])] == [0, 0]


def test_the_last_heat_maps_count_and_the_offset_moves_by_a_quarter() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    image[32:36, 32:36] = 200
    image[32:36, 36:40] = 100
    # A box that is cut out as it is: the padding is a quarter of its size.
    box = [64 * 0.1, 64 * 0.1, 64 * 0.8, 64 * 0.8]
    plain = Detector(Brightest(), CONFIG, flip_test=False, quarter_offset=False)
    moved = Detector(Brightest(), CONFIG, flip_test=False, quarter_offset=True)
    (points, scores), (shifted, _) = (each.detect([image], [[box]])[0] for each in (plain, moved))
    assert np.allclose(points[0, 0], (32, 32), atol=1e-4) and (scores > 3).all()
    assert np.allclose(shifted[0, 0], (33, 32), atol=1e-4)


def test_bytes_do_not_depend_on_threads(network: nn.Module) -> None:
    images, boxes = pictures(24)
    outside = torch.get_num_threads()
    found = []
    for threads, around in ((1, 1), (3, 1), (2, 3)):
        torch.set_num_threads(around)
        try:
            detector = Detector(network, CONFIG, batch_size=5, threads=threads)
            points, scores = stack(detector.detect(images, boxes), 17)
            assert torch.get_num_threads() == around
        finally:
            torch.set_num_threads(outside)
        found.append(points.tobytes() + scores.tobytes())
    assert len(set(found)) == 1


def test_batch_size_changes_no_more_than_rounding(network: nn.Module) -> None:
    images, boxes = pictures(12)
    one, all_at_once = (
        stack(Detector(network, CONFIG, batch_size=size).detect(images, boxes), 17)
        for size in (1, 64)
    )
    assert np.allclose(one[1], all_at_once[1], rtol=1e-4, atol=1e-6)


def test_the_flip_test_makes_a_mirrored_picture_give_mirrored_joints() -> None:
    """Whatever the network answers, when its maps do not lie off by a part of a cell."""
    config = DetectorConfig(name="hourglass", height=64, width=64, stacks=1, features=8, stem=4)
    torch.manual_seed(1)
    model = build_detector(config)
    image = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    crops = cut(config, image, [[6.4, 6.4, 51.2, 51.2]])
    mirrored = Crops(np.ascontiguousarray(crops.pixels[:, :, ::-1]), crops.to_image)
    detector = Detector(model, config, quarter_offset=False)
    points, scores = (array.numpy() for array in detector.look(crops))
    there, there_scores = (array.numpy() for array in detector.look(mirrored))
    order = list(config.skeleton.mirror_permutation)
    assert np.allclose(scores, there_scores[:, order], rtol=1e-4)
    seen = scores[0] > 0
    assert seen.any()
    assert np.allclose(points[0, seen, 0], 64 - there[0, order][seen, 0], atol=1e-3)


@pytest.mark.parametrize("box", [[1, 1, 0, 5], [1, 1, 5, -2], [1, float("nan"), 5, 5]])
def test_a_box_without_area_is_refused(network: nn.Module, box: list[float]) -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(DataError, match="box"):
        Detector(network, CONFIG).detect([image], [[box]])


def test_joined_crops_keep_their_own_way_back() -> None:
    images = spots([(60, 60), (200, 100)])
    crops = join([cut(CONFIG, images[0], [[40, 40, 40, 40]]), cut(CONFIG, images[1], np.empty(0))])
    assert len(crops) == 1
    assert crops.pixels.shape == (1, 64, 64, 3)
    # The middle of the input is the middle of the box.
    assert np.allclose(crops.to_image[0] @ (32, 32, 1), (60, 60))


def test_work_ahead_is_in_order_bounded_and_raises_here() -> None:
    started: list[int] = []
    lock = threading.Lock()

    def work(item: int) -> int:
        with lock:
            started.append(item)
        time.sleep(0.002 * (item % 3))
        if item == 30:
            raise DataError("item 30")
        return item * item

    results = ahead(work, iter(range(100)), 4)
    assert [next(results) for _ in range(10)] == [i * i for i in range(10)]
    assert len(started) <= 10 + 4 + 1
    with pytest.raises(DataError, match="item 30"):
        list(results)
    assert max(started) <= 36


def test_a_devices_queue_gives_the_same_answers_in_order(network: nn.Module) -> None:
    """The way of CUDA, which may still be at work when the next batch is sent; here on a CPU."""
    images, boxes = pictures(15)
    detector = Detector(network, CONFIG, threads=2)
    items = list(zip(images, boxes, strict=True))

    def prepare(item):
        return cut(CONFIG, *item), len(item[1])

    queued = list(detector._stream_cuda(prepare, items))
    assert [note for _, note in queued] == [len(some) for some in boxes]
    for ((points, scores), _), (image, some) in zip(queued, items, strict=True):
        ((expected, certain),) = detector.detect([image], [some])
        assert np.allclose(points, expected) and np.allclose(scores, certain, atol=1e-6)
