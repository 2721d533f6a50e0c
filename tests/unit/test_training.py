import math
import platform
import resource
from dataclasses import replace

import pytest
import torch
from torch import nn

from gsam.clips import ClipSet
from gsam.configs import build
from gsam.errors import ConfigError, DataError
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.checkpoint import CheckpointFolder, State, decode, encode
from gsam.training.config import SampleConfig, TrainConfig, WindowConfig
from gsam.training.holdout import held_out
from gsam.training.identity import identity
from gsam.training.lifting import LiftingTask, mean_pose_error
from gsam.training.loop import Outcome, fit
from gsam.training.optimiser import build_optimiser, learning_rate
from gsam.training.precision import numerics
from tests.synthetic_clips import training_clips, write_clips

TINY = LifterConfig(frames=9, width=8, depth=1, heads=2, head="sequence", dropout=0.1)
QUICK = TrainConfig(epochs=4, batch_size=4, optimizer="adamw", checkpoint_seconds=0)
WINDOWS = WindowConfig(stride=9)


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> ClipSet:
    return training_clips(tmp_path_factory.mktemp("clips"))


def train(
    clips: ClipSet,
    config: TrainConfig = QUICK,
    lifter: LifterConfig = TINY,
    windows: WindowConfig = WINDOWS,
    **more,
) -> Outcome:
    with torch.random.fork_rng():
        torch.manual_seed(more.get("seed", 0))
        model = build_lifter(lifter)
    head = "sequence" if lifter.head == "sequence" else "centre"
    task = LiftingTask(clips, windows, frames=lifter.frames, head=head)
    return fit(model, task, config, **{"seed": 0, **more})


def same(first: Outcome, second: Outcome) -> bool:
    return first.curve == second.curve and all(
        torch.equal(first.weights[name], second.weights[name]) for name in first.weights
    )


class Stopped(Exception):
    pass


class StoppingFolder(CheckpointFolder):
    """Ends the training in the middle, after the checkpoint of one epoch."""

    def __init__(self, folder, after: int) -> None:
        super().__init__(folder)
        self.after = after

    def save(self, epoch: int, state: State) -> None:
        super().save(epoch, state)
        if epoch == self.after:
            raise Stopped


@pytest.mark.parametrize(
    "lifter",
    [
        replace(TINY, name="gsam", head="centre"),
        replace(TINY, name="martinez", frames=1, head="centre", channels=64),
        replace(TINY, name="videopose3d", head="centre", channels=32),
        replace(TINY, name="strided", channels=32, hidden=32),
    ],
    ids=lambda lifter: lifter.name,
)
def test_every_family_learns(clips: ClipSet, lifter: LifterConfig) -> None:
    outcome = train(clips, replace(QUICK, epochs=6), lifter, WindowConfig(stride=3))
    losses = [row["train_loss_mm"] for row in outcome.curve]
    assert outcome.status == "ok" and len(losses) == 6
    assert losses[-1] < 0.8 * losses[0]


def test_a_few_clips_are_learned_by_heart(clips: ClipSet) -> None:
    config = replace(QUICK, epochs=60, lr=0.003, schedule="cosine", warmup=0.1)
    lifter = replace(TINY, width=16, dropout=0.0)
    outcome = train(clips, config, lifter, WindowConfig(stride=3, mirror=False))
    assert outcome.curve[-1]["train_loss_mm"] < 0.1 * 1000 * mean_pose_error(
        clips, clips.bounds(range(len(clips)))
    )


def test_the_same_seed_gives_the_same_bits_and_another_does_not(clips: ClipSet) -> None:
    before = torch.get_rng_state()
    assert same(train(clips), train(clips))
    assert train(clips).curve[-1]["val_mpjpe_mm"] is None  # too few takes to hold one out
    assert not same(train(clips), train(clips, seed=1))
    assert torch.equal(torch.get_rng_state(), before)  # global generators are left alone


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_a_resumed_training_ends_with_the_same_bits(clips: ClipSet, tmp_path, optimizer) -> None:
    config = replace(QUICK, optimizer=optimizer, schedule="cosine", warmup=0.2, lr=1e-3)
    whole = train(clips, config)
    for after in (1, 3):
        folder = tmp_path / str(after)
        with pytest.raises(Stopped):
            train(clips, config, keeper=StoppingFolder(folder, after))
        assert same(whole, train(clips, config, keeper=CheckpointFolder(folder)))
    # A finished training is read, not repeated.
    assert same(whole, train(clips, config, keeper=CheckpointFolder(folder)))


def test_a_damaged_checkpoint_falls_back_to_the_one_before(clips: ClipSet, tmp_path) -> None:
    with pytest.raises(Stopped):
        train(clips, keeper=StoppingFolder(tmp_path, 3))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["000002.ckpt", "000003.ckpt"]
    newest = tmp_path / "000003.ckpt"
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    newest.write_bytes(content)
    told: list[str] = []
    keeper = CheckpointFolder(tmp_path, told.append)
    assert same(train(clips), train(clips, keeper=keeper))
    assert len(told) == 1 and "000003.ckpt: damaged checkpoint" in told[0]
    keeper.clear()
    assert not tmp_path.exists()


def test_checkpoints_are_read_back_or_refused() -> None:
    state = {"a": torch.arange(3), "b": {"c": [1.5, None, "x"]}}
    content = encode(state)
    back = decode(content)
    assert back is not None and back["b"] == state["b"] and torch.equal(back["a"], state["a"])
    assert decode(content[:-1]) is None
    assert decode(b"") is None


def test_a_checkpoint_of_another_seed_is_refused(clips: ClipSet, tmp_path) -> None:
    train(clips, keeper=CheckpointFolder(tmp_path))
    with pytest.raises(DataError, match="seed 0 with 1 workers, expected seed 5"):
        train(clips, keeper=CheckpointFolder(tmp_path), seed=5)


def test_divergence_is_a_result_with_the_weights_of_the_last_good_epoch(clips: ClipSet) -> None:
    # SGD at this rate explodes.
    outcome = train(clips, replace(QUICK, optimizer="sgd", lr=1e6, epochs=6))
    assert outcome.status == "diverged"
    assert outcome.diverged_epoch == len(outcome.curve) == 1
    torch.manual_seed(0)
    untrained = build_lifter(TINY).state_dict()
    assert all(torch.equal(untrained[name], value) for name, value in outcome.weights.items())


def test_an_error_far_above_the_mean_pose_diverges_unless_it_falls(clips: ClipSet) -> None:
    class Wild(nn.Module):
        """Metres away whatever it sees."""

        def __init__(self) -> None:
            super().__init__()
            self.offset = nn.Parameter(torch.full((1, 1, 17, 3), 50.0))

        def forward(self, keypoints: torch.Tensor) -> torch.Tensor:
            return self.offset.expand(*keypoints.shape[:2], 17, 3)

    class Uphill(Wild):
        """Runs away from the targets: its gradient has the wrong sign."""

        def forward(self, keypoints: torch.Tensor) -> torch.Tensor:
            value = super().forward(keypoints)
            return 2 * value.detach() - value

    for model, expected in ((Wild(), ("ok", None)), (Uphill(), ("diverged", 2))):
        task = LiftingTask(clips, WINDOWS, frames=9, head="sequence")
        outcome = fit(model, task, QUICK, seed=0)
        assert (outcome.status, outcome.diverged_epoch) == expected


def test_learning_rates_follow_the_schedules() -> None:
    paper = TrainConfig()
    assert [learning_rate(paper, e) for e in (0, 1, 2, 5)] == pytest.approx(
        [1e-3, 1e-3, 0.95e-3, 0.95**2 * 1e-3]
    )
    cosine = TrainConfig(epochs=10, schedule="cosine", warmup=0.2, lr=1.0)
    assert learning_rate(cosine, 1) == pytest.approx(0.5)
    assert learning_rate(cosine, 2) == pytest.approx(1.0)
    assert learning_rate(cosine, 6) == pytest.approx(0.5)
    assert learning_rate(cosine, 9, 1.0) == pytest.approx(0.0, abs=1e-12)
    rates = [learning_rate(cosine, 2 + i // 10, i % 10 / 10) for i in range(80)]
    assert rates == sorted(rates, reverse=True)
    assert learning_rate(replace(cosine, schedule="constant"), 9) == 1.0


def test_weight_decay_spares_biases_norms_and_position_tables() -> None:
    model = build_lifter(TINY)
    optimiser = build_optimiser(model, replace(QUICK, weight_decay=0.1))
    decayed = {id(p) for g in optimiser.param_groups if g["weight_decay"] for p in g["params"]}
    names = {name for name, p in model.named_parameters() if id(p) in decayed}
    assert "head.1.weight" in names
    assert not {n for n in names if "pos_embed" in n or "norm" in n.lower() or n.endswith("bias")}


def test_precisions_are_put_back() -> None:
    before = torch.backends.mkldnn.matmul.fp32_precision
    with pytest.raises(Stopped), numerics("onednn"):
        assert torch.are_deterministic_algorithms_enabled()
        raise Stopped
    assert torch.backends.mkldnn.matmul.fp32_precision == before
    assert not torch.are_deterministic_algorithms_enabled()


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the options are glibc's")
def test_freed_memory_is_used_again() -> None:
    def faults(numbers: int) -> int:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        torch.empty(numbers).fill_(1.0)
        return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

    with numerics("float32"):
        faults(1 << 25)
        assert faults(1 << 24) < 1000  # of 16,384 pages


@pytest.mark.parametrize(
    ("precision", "cpu", "cuda"),
    [("float32", False, False), ("onednn", True, True), ("bf16", True, False)],
)
def test_precisions_switch_float32_products(precision, cpu: bool, cuda: bool) -> None:
    matmuls = torch.backends.mkldnn.matmul, torch.backends.cuda.matmul
    before = [matmul.fp32_precision for matmul in matmuls]
    with numerics(precision):
        inside = [matmul.fp32_precision for matmul in matmuls]
    assert [a != b for a, b in zip(inside, before, strict=True)] == [cpu, cuda]


@pytest.mark.parametrize("precision", ["onednn", "bf16"])
def test_other_precisions_learn_alike(clips: ClipSet, precision) -> None:
    exact = train(clips).curve[-1]["train_loss_mm"]
    loss = train(clips, replace(QUICK, precision=precision)).curve[-1]["train_loss_mm"]
    assert loss == pytest.approx(exact, rel=0.05)


def test_velocity_and_clipping_change_the_training(clips: ClipSet) -> None:
    plain = train(clips)
    assert not same(plain, train(clips, windows=replace(WINDOWS, velocity_weight=1.0)))
    assert not same(plain, train(clips, replace(QUICK, clip_grad=0.01)))


def test_small_epochs_have_that_many_windows(clips: ClipSet) -> None:
    assert train(clips, windows=WindowConfig(stride=1, epoch_windows=6)).seen == 4 * 6


def test_whole_takes_are_held_out(tmp_path) -> None:
    names = [f"Walking {i}" for i in range(20)]
    folder = write_clips(tmp_path, subjects=("S1",), names=names, frames=[12] * 20)
    clips = ClipSet.load(folder, "train")
    trained, validated = held_out(clips, 16)
    assert sorted(trained + validated) == list(range(40))
    taken = {clips.info[i].sequence for i in validated}
    assert len(taken) == 2 and len(validated) == 4
    assert not taken & {clips.info[i].sequence for i in trained}
    assert held_out(clips, 0) == (list(range(40)), [])
    curve = train(clips, replace(QUICK, epochs=3)).curve
    assert all(math.isfinite(row["val_mpjpe_mm"]) for row in curve)


def test_impossible_recipes_are_named() -> None:
    values = {"lr": 0, "epochs": 0, "warmup": 1.0, "blow_up": 1}
    with pytest.raises(ConfigError) as error:
        build(TrainConfig, values, "train")
    for name in values:
        assert f"train: {name} = " in str(error.value)
    with pytest.raises(ConfigError, match="windows: stride = 0: expected 1 or more"):
        build(WindowConfig, {"stride": 0}, "windows")
    with pytest.raises(ConfigError, match="validation_samples = -1: expected 0 or more"):
        build(SampleConfig, {"validation_samples": -1}, "samples")
    with pytest.raises(ConfigError, match="did you mean 'batch_size'"):
        build(TrainConfig, {"batchsize": 3}, "train")


def test_the_identity_names_what_decides_the_weights() -> None:
    run = {
        "name": "a",
        "lifter": {"width": 8},
        "train": {"lr": 0.1},
        "windows": {"stride": 9},
        "workers": 0,
        "seeds": [0],
    }

    def name(other: dict | None = None, **more) -> str:
        return identity(
            run | (other or {}), **{"seed": 0, "data_hash": "x", "device": "cpu", **more}
        )

    assert name() == name({"name": "b", "seeds": [0, 1]})
    changed = [name({"train": {"lr": 0.2}}), name({"lifter": {}}), name({"workers": 1})]
    changed += [name({"windows": {}}), name(seed=1), name(data_hash="y"), name(device="cuda")]
    assert len({name(), *changed}) == 8


def test_a_detector_is_named_by_its_augmentation_and_samples() -> None:
    run = {"detector": {"name": "cpn"}, "train": {}, "augment": {}, "samples": {}, "workers": 0}
    names = {
        identity(run | change, seed=0, data_hash="x", device="cpu")
        for change in ({}, {"augment": {"flip": 0}}, {"samples": {"epoch_samples": 5}})
    }
    assert len(names) == 3
