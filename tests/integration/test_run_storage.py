"""Checkpoints and found people in a bucket, while the store fails and after it."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from gsam.clips import ClipSet
from gsam.errors import ConfigError, DataError
from gsam.lifters import LifterConfig, build_lifter
from gsam.training.checkpoint import Keeper
from gsam.training.config import TrainConfig, WindowConfig
from gsam.training.lifting import LiftingTask
from gsam.training.loop import Outcome, fit
from gsam.training.task import CurveRow
from pipelines import object_store as store
from pipelines import store_access
from pipelines.detect_storage import Found, ShardStorage
from pipelines.run_storage import RunStorage
from tests.faulty_proxy import FaultyProxy
from tests.s3_server import Store
from tests.synthetic_clips import training_clips

TINY = LifterConfig(frames=9, width=8, depth=1, heads=2, head="sequence", dropout=0.1)
QUICK = TrainConfig(epochs=6, batch_size=4, optimizer="adamw", checkpoint_seconds=0)
Report = Callable[[CurveRow], None]
RUN = {"name": "tiny", "lifter": {}, "train": {}, "windows": {}, "workers": 0}


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> ClipSet:
    return training_clips(tmp_path_factory.mktemp("clips"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_access, "READ_SECONDS", 1)


def train(clips: ClipSet, keeper: Keeper | None = None, report: Report | None = None) -> Outcome:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build_lifter(TINY)
    task = LiftingTask(clips, WindowConfig(stride=9), frames=TINY.frames, head="sequence")
    return fit(model, task, QUICK, seed=0, keeper=keeper, report=report)


def same(first: Outcome, second: Outcome) -> bool:
    return first.curve == second.curve and all(
        torch.equal(first.weights[name], second.weights[name]) for name in first.weights
    )


def kept(storage: RunStorage) -> list[str]:
    return [entry.name for entry in store.listed(storage.location)]


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ({"method": "PUT|DELETE", "status": 403}, "read-only: these credentials may not write"),
        ({"method": "PUT|POST", "status": 507}, "the store is full"),
        ({"drop_after": 0}, "the store cannot be reached"),
        ({"method": "PUT", "drop_after": 500}, "the store cannot be reached"),
    ],
    ids=["read-only", "full", "unreachable", "broken"],
)
def test_a_store_that_fails_in_the_middle_loses_nothing(
    clips: ClipSet, s3_store: Store, s3_proxy: FaultyProxy, monkeypatch, rule, text
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    storage = RunStorage(RUN, 0, "hash")
    keeper = storage.keeper(pytest.fail)
    assert storage.location.startswith(f"{s3_store.uri}/runs/tiny-seed0-")

    def fail(row: CurveRow) -> None:
        if row["epoch"] == 4:
            s3_proxy.rule(**rule)

    with pytest.raises(DataError, match=f"^{storage.location}/000004.ckpt: {text}[^\n]*$"):
        train(clips, keeper, fail)
    s3_proxy.clear()
    assert kept(storage) == ["000002.ckpt", "000003.ckpt"]
    assert same(train(clips), train(clips, keeper))
    store.delete_tree(storage.location)
    assert kept(storage) == []


def test_short_troubles_are_not_noticed(
    clips: ClipSet, s3_store: Store, s3_proxy: FaultyProxy
) -> None:
    rules = [
        s3_proxy.rule(method="PUT", path="000002", times=1, status=503),
        s3_proxy.rule(method="PUT", path="000003", times=1, drop_after=100),
        s3_proxy.rule(method="PUT", path="000004", times=1, wait=1.3),
        s3_proxy.rule(method="GET", path="list-type", after=2, times=1, status=500),
    ]
    storage = RunStorage(RUN, 0, "hash")
    assert same(train(clips), train(clips, storage.keeper(pytest.fail)))
    assert [rule.hits for rule in rules] == [1, 1, 1, 1]


def test_a_damaged_checkpoint_falls_back_to_the_one_before(clips, s3_store: Store) -> None:
    storage = RunStorage(RUN, 0, "hash")
    told: list[str] = []
    keeper = storage.keeper(told.append)
    train(clips, keeper)
    newest = store.under(storage.location, "000006.ckpt")
    store.write_bytes(newest, store.read_bytes(newest)[:-1])
    store.write_bytes(store.under(storage.location, "notes"), b"not a checkpoint")
    assert same(train(clips), train(clips, keeper))
    (line,) = told
    assert line == f"{newest}: damaged checkpoint, falling back to the one before"
    assert kept(storage) == ["000005.ckpt", "000006.ckpt", "notes"]


def test_wrong_bucket_before_training(clips: ClipSet, s3_store: Store, monkeypatch) -> None:
    monkeypatch.setenv("GSAM_STORE", "s3://no-such-bucket/gsam")
    storage = RunStorage(RUN, 0, "hash")
    with pytest.raises(ConfigError, match="no such bucket"):
        train(clips, storage.keeper(pytest.fail))


def test_found_people_in_a_bucket(s3_store: Store, s3_proxy: FaultyProxy, monkeypatch) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    shards = ShardStorage.named("a-1")
    assert shards.folder == f"{s3_store.uri}/runs/detect-a-1"
    found = Found(
        np.arange(2), np.ones((2, 4), "f4"), np.ones((2, 3, 2), "f4"), np.ones((2, 3), "f4")
    )
    assert shards.load("x") is None
    shards.save("x", found)
    back = shards.load("x")
    assert back is not None and np.array_equal(back.points, found.points)
    s3_proxy.full()
    with pytest.raises(DataError, match=r"detect-a-1/y\.shard: the store is full"):
        shards.save("y", found)
    s3_proxy.clear()
    assert shards.load("y") is None and shards.load("x") is not None
    store.write_bytes(f"{shards.folder}/x.shard", b"damaged")
    assert shards.load("x") is None
    shards.clear()
    assert store.listed(shards.folder) == []
