"""Training detectors: whose crops, in what order, the same bits again, and what the curve says."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from gsam.detectors import DetectorConfig, build_detector
from gsam.detectors.augment import AugmentConfig
from gsam.detectors.feed import Cropper
from gsam.detectors.objective import make_targets, per_sample_loss
from gsam.detectors.order import held_out_people
from gsam.detectors.samples import make_sample
from gsam.detectors.task import DetectionTask
from gsam.errors import DataError
from gsam.images import ImageSet, ImageWriter, People, encode_jpeg
from gsam.training.checkpoint import CheckpointFolder
from gsam.training.config import SampleConfig, TrainConfig
from gsam.training.feed import ThreadFeed
from gsam.training.loop import Outcome, fit
from gsam.training.order import stream
from tests.synthetic_images import write_images
from tests.unit.test_training import Stopped, StoppingFolder, same

TINY = DetectorConfig(
    height=64, width=64, channels=4, stem=8, bottlenecks=1, modules=(1, 1, 1), blocks=1
)
QUICK = TrainConfig(epochs=3, batch_size=8, optimizer="adamw", checkpoint_seconds=0)
AUGMENT = AugmentConfig(mosaic=0.3, mixup=0.3)
PLAIN = AugmentConfig(scale=0.0, rotation=0.0, flip=0.0, half_body=0.0)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    return write_images(tmp_path_factory.mktemp("images"), count=20, dots=True)


def train(
    images: ImageSet,
    config: TrainConfig = QUICK,
    detector: DetectorConfig = TINY,
    *,
    samples: SampleConfig | None = None,
    seed: int = 0,
    augment: AugmentConfig = AUGMENT,
    make: Callable[[DetectorConfig], nn.Module] = build_detector,
    **more,
) -> Outcome:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = make(detector)
    with ThreadFeed(Cropper(images, detector, augment, seed), threads=2) as feed:
        task = DetectionTask(images, detector, samples or SampleConfig(), feed)
        return fit(model, task, config, seed=seed, **more)


def write_takes(folder: Path, takes: int, crowd: bool = False) -> ImageSet:
    """Three images of one person of every take, in two cameras; the last one a crowd."""
    jpeg = encode_jpeg(np.zeros((64, 64, 3), np.uint8))
    with ImageWriter(folder, "train", "drawn", "human36m_17", "tests") as writer:
        for number in range(takes * 3):
            last = crowd and number == takes * 3 - 1
            people = People(
                points=np.full((1, 17, 2), 30.0),
                visibility=np.full((1, 17), 3),
                boxes=np.array([[10, 10, 40, 40]]),
                areas=np.array([800.0]),
                crowds=np.array([last]),
                ids=np.array([number]),
            )
            sequence, camera = f"S1/Take {number // 3}", str(number % 2)
            name = f"{number:03d}"
            writer.add(jpeg, image=name, people=people, sequence=sequence, camera=camera)
    return ImageSet.load(folder, "train")


def test_whole_takes_are_kept_back_where_there_are_takes(tmp_path: Path) -> None:
    images = write_takes(tmp_path, 20, crowd=True)
    trained, validated = held_out_people(images, 100)
    assert len(trained) + len(validated) == 59  # the crowd is neither
    takes = np.array(images.rows["sequence"].to_pylist())
    assert len(set(takes[validated])) == 2 and len(validated) == 6
    assert not set(takes[validated]) & set(takes[trained])
    fewer = held_out_people(images, 4)[1]
    assert len(fewer) == 4 and set(fewer) <= set(validated)
    assert len(held_out_people(images, 0)[1]) == 0


def test_whole_images_are_kept_back_where_there_are_no_takes(tmp_path: Path) -> None:
    images = write_images(tmp_path, count=30, people_each=2)
    trained, validated = held_out_people(images, 100)
    assert len(validated) == 6 and len(trained) == 54
    assert not set(images.person_image[trained]) & set(images.person_image[validated])


def test_nobody_to_train_on_is_an_error(tmp_path: Path) -> None:
    jpeg = encode_jpeg(np.zeros((64, 64, 3), np.uint8))
    with ImageWriter(tmp_path, "train", "drawn", "human36m_17", "tests") as writer:
        writer.add(jpeg, image="empty", people=People.none(17))
    with pytest.raises(DataError, match="nobody with a box and a labelled joint"):
        train(ImageSet.load(tmp_path, "train"))


def test_a_crop_is_that_of_its_own_random_stream(images: ImageSet) -> None:
    made = Cropper(images, TINY, AUGMENT, seed=5)(7, 2)
    generator = np.random.default_rng(stream("augment", 5, 2, 7))
    expected = make_sample(images, 7, TINY, AUGMENT, generator)
    for name, array in made.items():
        np.testing.assert_array_equal(array, getattr(expected, name))
    for other in (Cropper(images, TINY, AUGMENT, 5)(7, 1), Cropper(images, TINY, AUGMENT, 6)(7, 2)):
        assert not np.array_equal(other["image"], made["image"])


def test_a_damaged_image_ends_the_training_with_its_name(tmp_path: Path) -> None:
    images = write_images(tmp_path, count=12)
    shard = next(tmp_path.glob("*.tar"))
    content = bytearray(shard.read_bytes())
    start = content.find(b"\xff\xd8", len(content) // 2)
    content[start : start + 2] = b"xx"
    shard.write_bytes(content)
    with pytest.raises(DataError, match=r"train-00000.tar: image train/0\d+: not a JPEG"):
        train(ImageSet.load(images.folder, "train"))


@pytest.mark.parametrize("name", ["hrnet", "cpn", "hourglass", "simplebaseline"])
def test_every_family_lowers_its_loss(images: ImageSet, name: str) -> None:
    detector = replace(TINY, name=name, base=4, features=8, stacks=1, depth=14, sigma=2.0)
    curve = train(images, replace(QUICK, epochs=4, lr=0.005), detector, augment=PLAIN).curve
    assert curve[-1]["train_loss"] < 0.995 * curve[0]["train_loss"]
    assert all(np.isfinite(row["val_loss"]) and row["val_mean_px"] > 0 for row in curve)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(images: ImageSet) -> None:
    first = train(images)
    assert first.seen == 3 * 18  # two of twenty images are kept back
    assert same(first, train(images))
    assert not same(first, train(images, seed=1))
    assert train(images, samples=SampleConfig(epoch_samples=5)).seen == 3 * 5


def test_a_resumed_training_ends_with_the_same_bits(images: ImageSet, tmp_path: Path) -> None:
    whole = train(images)
    for after in (1, 2):
        with pytest.raises(Stopped):
            train(images, keeper=StoppingFolder(tmp_path / str(after), after))
        assert same(whole, train(images, keeper=CheckpointFolder(tmp_path / str(after))))


def test_divergence_is_a_result_with_the_weights_of_the_last_good_epoch(images: ImageSet) -> None:
    outcome = train(images, replace(QUICK, optimizer="sgd", lr=1e12))
    assert (outcome.status, outcome.diverged_epoch) == ("diverged", 1)
    assert outcome.curve[-1]["val_loss"] is None and outcome.curve[-1]["val_mean_px"] is None
    torch.manual_seed(0)
    untrained = build_detector(TINY).state_dict()
    assert all(torch.equal(untrained[name], value) for name, value in outcome.weights.items())


class Known(nn.Module):
    """Answers with given maps, whatever it sees."""

    def __init__(self, maps: torch.Tensor) -> None:
        super().__init__()
        self.maps = maps

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.maps[: len(inputs)],)


def test_the_curve_measures_pixels_of_a_crop_256_px_high(images: ImageSet) -> None:
    detector = replace(TINY, height=128, width=128)
    with ThreadFeed(Cropper(images, detector)) as feed:
        task = DetectionTask(images, detector, SampleConfig(), feed)
        fixed = task.fixed
        targets = make_targets(detector, fixed.points, fixed.weight)
        found = task.check(Known(targets[0]), 64)
        assert found.error == 0.0
        assert found.more["val_mean_px"] < 2 * 2.5  # a cell is 4 px of 128, a quarter resolved
        moved = task.check(Known(targets[0].roll(3, dims=3)), 64).more["val_mean_px"]
        assert moved == pytest.approx(2 * 12, abs=6)
        empty = torch.zeros_like(targets[0])
        expected = per_sample_loss(detector, (empty,), targets, fixed.weight).mean()
        assert task.reference(Known(targets[0])) == pytest.approx(float(expected))
        assert task.columns(None, found)["train_loss"] is None


def test_without_held_out_people_the_curve_has_none(images: ImageSet) -> None:
    row = train(images, replace(QUICK, epochs=1), samples=SampleConfig(validation_samples=0))
    assert row.curve[0]["val_loss"] is None and row.curve[0]["train_loss"] > 0


class Plain(nn.Module):
    """A detector without batch normalisation, whose ranks should agree with one process."""

    def __init__(self, config: DetectorConfig) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(3, 8, 5, 4, 2), nn.ReLU(), nn.Conv2d(8, config.joints, 3, 1, 1)
        )

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (self.layers(inputs),)


def ranked(folder: Path, workers: int) -> list[Outcome]:
    images = ImageSet.load(folder, "train")
    plain = replace(QUICK, optimizer="sgd", lr=0.1)
    # Batches of one leave a rank without any person.
    return [
        train(images, replace(plain, batch_size=7), make=Plain, workers=workers),
        train(images, replace(plain, batch_size=1, epochs=1), make=Plain, workers=workers),
        train(images, replace(plain, epochs=1), workers=workers),
    ]


def worker(rank: int, world: int, folder: Path, out: Path) -> None:
    torch.set_num_threads(1)
    rendezvous = f"file://{out / 'rendezvous'}"
    dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=world)
    kept = [
        {"curve": outcome.curve, "weights": outcome.weights} for outcome in ranked(folder, world)
    ]
    torch.save(kept, out / f"{rank}.pt")
    dist.destroy_process_group()


def test_ranks_in_one_process_add_up_to_their_batches(images: ImageSet) -> None:
    # Batches of up to 4 leave some of five ranks without any person.
    plain = replace(QUICK, epochs=2, optimizer="sgd", lr=0.1, batch_size=4)
    alone, five = (train(images, plain, make=Plain, workers=n) for n in (1, 5))
    assert alone.seen == five.seen and not same(alone, five)
    for row, expected in zip(five.curve, alone.curve, strict=True):
        assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
    for name, value in alone.weights.items():
        torch.testing.assert_close(five.weights[name], value, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_two_ranks_train_like_one(tmp_path: Path) -> None:
    folder = write_images(tmp_path / "images", count=20, dots=True).folder
    mp.spawn(worker, (2, folder, tmp_path), nprocs=2)
    ranks = [torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in range(2)]
    for first, second in zip(*ranks, strict=True):
        assert first["curve"] == second["curve"]
        for name, value in first["weights"].items():
            assert torch.equal(value, second["weights"][name])  # with running statistics
    for first, both in zip(ranks[0], ranked(folder, 2), strict=True):
        assert first["curve"] == both.curve  # two ranks in one process
        for name, value in both.weights.items():
            assert torch.equal(value, first["weights"][name])
    for first, alone in zip(ranks[0][:2], ranked(folder, 1)[:2], strict=True):
        for row, expected in zip(first["curve"], alone.curve, strict=True):
            assert row["train_loss"] == pytest.approx(expected["train_loss"], rel=1e-5)
        for name, value in alone.weights.items():
            torch.testing.assert_close(first["weights"][name], value, rtol=1e-4, atol=1e-6)
