"""Backgrounds, occluders, film; the sheet of samples and its benchmark."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import render as benchmark
from benchmarks.harness import QUICK
from gsam.pictures import rendered as sheet
from gsam.pictures.samples import open_sampler
from gsam.render.background import SCENES, BackgroundBank
from gsam.render.film import expose
from gsam.render.occluders import THINGS, draw_occluders


@pytest.mark.parametrize("size", [(96, 96), (256, 192), (33, 400), (500, 20)])
def test_backgrounds_of_any_size(size: tuple[int, int]) -> None:
    picture = BackgroundBank(0).draw(np.random.default_rng(1), *size)
    assert picture.shape == (*size, 3) and picture.dtype == np.uint8
    assert picture.std() > 2


def test_backgrounds_follow_from_both_seeds() -> None:
    def drawn(bank: int, seed: int) -> bytes:
        return BackgroundBank(bank).draw(np.random.default_rng(seed), 24, 32).tobytes()

    assert drawn(0, 1) == drawn(0, 1)
    assert len({drawn(0, 1), drawn(0, 2), drawn(1, 1)}) == 3


def test_order_of_use_does_not_matter() -> None:
    one, two = BackgroundBank(0), BackgroundBank(0)
    for seed in range(4):
        one.draw(np.random.default_rng(seed), 24, 32)
    rngs = np.random.default_rng(9), np.random.default_rng(9)
    assert one.draw(rngs[0], 24, 32).tobytes() == two.draw(rngs[1], 24, 32).tobytes()


def test_a_camera_has_one_room() -> None:
    bank = BackgroundBank(0)
    whole = bank.fixed("54138969", 200, 200, (200, 200))
    part = bank.fixed("54138969", 60, 50, (200, 200), origin=(30, 80))
    np.testing.assert_array_equal(part, whole[80:140, 30:80])
    small = bank.fixed("54138969", 100, 100, (200, 200), zoom=0.5)
    assert np.abs(small.astype(int) - whole[::2, ::2]).mean() < 1
    assert np.abs(bank.fixed("60457274", 200, 200).astype(int) - whole).mean() > 10


def test_scenes_differ() -> None:
    bank = BackgroundBank(3)
    drawn = {bank._draw_scene(number).tobytes() for number in (0, 1, 10, 11, 17, 18)}
    assert len(drawn) == 6 and len(SCENES) >= 20


def test_occluders_lie_over_the_focus_in_half_of_the_cases() -> None:
    rng = np.random.default_rng(0)
    found = [draw_occluders(rng, 96, 80, (20.0, 10.0, 40.0, 76.0)) for _ in range(200)]
    some = [things for things in found if things is not None]
    assert 70 < len(some) < 130
    for things in some:
        assert things.alpha.shape == (96, 80) and things.colour.shape == (96, 80, 3)
        assert things.alpha.min() >= 0 and things.alpha.max() <= 1
        assert things.colour.min() >= 0 and things.colour.max() <= 255
    cover = np.mean([things.alpha[10:86, 20:60].mean() for things in some])
    assert 0.03 < cover < 0.4
    assert len(THINGS) >= 7


def test_film_only_adds_what_is_asked_for() -> None:
    light = np.full((256, 48, 3), 120, dtype=np.float32)
    light[:, 24:] = 30
    clean, noisy, blurred = (
        [expose(light, blur, noise, np.random.default_rng(seed)) for seed in range(12)]
        for blur, noise in ((False, False), (False, True), (True, False))
    )
    assert all(image[:, :20].std(axis=(0, 1)).max() == 0 for image in clean)
    assert all(image[:, :20].std() > 0 for image in noisy)
    smeared = [(a != b).any() for a, b in zip(clean, blurred, strict=True)]
    assert 2 <= sum(smeared) <= 10
    # Noise does not change the light on average.
    for a, b in zip(clean, noisy, strict=True):
        assert abs(a.mean() - b.mean()) < 1


def test_noise_is_not_the_same_everywhere() -> None:
    light = np.full((300, 300, 3), 120, dtype=np.float32)
    image = expose(light, False, True, np.random.default_rng(2)).astype(int)
    assert (image[:100, :100] != image[100:200, 100:200]).mean() > 0.3


def test_sheet_of_samples(tmp_path: Path) -> None:
    sampler = open_sampler(0, poses=4)
    samples = list(sampler.draw(np.random.default_rng(0), 3, 64, 48, 1))
    for name in ("a.jpg", "b.jpg"):
        sheet.draw_rendered(samples, tmp_path / name, columns=2, height=128)
    assert (tmp_path / "a.jpg").read_bytes() == (tmp_path / "b.jpg").read_bytes()
    found = cv2.imread(str(tmp_path / "a.jpg"))
    assert found is not None
    assert found.shape == (2 * 128 + sheet.LEGEND_HEIGHT, 2 * 2 * 96, 3)


def test_samples_follow_from_the_stream() -> None:
    sampler = open_sampler(0, poses=4)
    one, two = (list(sampler.draw(np.random.default_rng(7), 2, 48, 48, 2)) for _ in range(2))
    for a, b in zip(one, two, strict=True):
        assert a.rendered.image.tobytes() == b.rendered.image.tobytes()
        assert a.area == b.area > 150
    assert one[0].rendered.image.tobytes() != one[1].rendered.image.tobytes()


def test_sheet_command_needs_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert sheet.main([]) == 2
    assert sheet.main(["a.jpg", "b"]) == 2
    assert "usage" in capsys.readouterr().err


def test_benchmark_runs_at_its_smallest() -> None:
    tables = benchmark.run(QUICK)
    assert tables[0].rows and "samples/s/core" in tables[0].text()
