"""Which samples in what order, by any number of processes, from one source or several; threads."""

import hashlib
import threading
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gsam.errors import DataError
from gsam.training.feed import ArrayBatch, Arrays, ThreadFeed, stack
from gsam.training.sampling import SampleOrder, Slice


def one_pool(items: int, batch: int = 8, limit: int = 0, seed: int = 3) -> SampleOrder:
    return SampleOrder((100 + np.arange(items),), (1.0,), seed, batch, limit)


def pairs(part: Slice) -> list[tuple[int, int]]:
    return list(zip(part.items, part.draws, strict=True))


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=3),
    batch=st.integers(1, 20),
    limit=st.integers(0, 70),
    world=st.integers(1, 5),
)
@settings(max_examples=60, deadline=None)
def test_any_number_of_processes_sees_the_same_batches(
    sizes: list[int], batch: int, limit: int, world: int
) -> None:
    pools = tuple(100 * number + np.arange(size) for number, size in enumerate(sizes))
    order = SampleOrder(pools, (0.5, 0.2, 0.3)[: len(pools)], 3, batch, limit)
    alone = order.slices(2)
    ranks = [order.for_rank(rank, world).slices(2) for rank in range(world)]
    for whole, *parts in zip(alone, *ranks, strict=True):
        counted = [pair for part in parts if not part.spare for pair in pairs(part)]
        assert sorted(counted) == sorted(pairs(whole)) and not whole.spare
        assert all(part.items and (len(part.items) == 1 or not part.spare) for part in parts)
    seen = [pair for part in alone for pair in pairs(part)]
    assert len(seen) == len(set(seen)) == order.size
    assert max(len(part.items) for part in alone) <= batch
    if len(pools) == 1:
        assert order.size == min(limit or sizes[0], sizes[0])
        assert {draw for _, draw in seen} == {2}


def test_the_order_is_a_function_of_seed_and_epoch() -> None:
    order = one_pool(50)
    assert order.epoch(1).tolist() == order.epoch(1).tolist()
    assert order.epoch(1).tolist() != order.epoch(2).tolist()
    assert order.epoch(1)[:, 0].tolist() != replace(order, seed=4).epoch(1)[:, 0].tolist()
    few = [set(replace(order, limit=5).epoch(epoch)[:, 0]) for epoch in range(40)]
    assert set.union(*few) == set(100 + np.arange(50))


@pytest.mark.parametrize(
    ("items", "seed", "limit", "epoch", "expected"),
    [
        (50, 0, 0, 0, "e7a64dda23f55f96"),
        (50, 3, 0, 2, "5f1416570fb76ffa"),
        (50, 3, 20, 7, "69ffe5e653f3c1c8"),
        (1000, 1, 300, 1, "da713c0b82af0a3a"),
    ],
)
def test_one_pool_is_walked_as_detectors_always_were(
    items: int, seed: int, limit: int, epoch: int, expected: str
) -> None:
    """The hashes are of the order before there were several pools: trained weights hang on it."""
    found = SampleOrder((np.arange(items),), (1.0,), seed, 8, limit).epoch(epoch)[:, 0]
    assert hashlib.sha256(found.astype("<i8").tobytes()).hexdigest()[:16] == expected


def test_shares_are_kept_in_every_epoch_and_small_pools_are_walked_again() -> None:
    order = SampleOrder((np.arange(1000), 5000 + np.arange(7)), (0.7, 0.3), 0, 16, 100)
    assert order.counts == (70, 30) and order.size == 100
    for epoch in range(3):
        drawn = order.epoch(epoch)
        large, small = drawn[drawn[:, 0] < 5000], drawn[drawn[:, 0] >= 5000]
        assert len(large) == len(set(large[:, 0])) == 70
        times = Counter(small[:, 0].tolist())
        assert set(times.values()) == {4, 5} and len(times) == 7
        # Whoever comes twice in an epoch is varied differently each time.
        assert len({tuple(pair) for pair in drawn.tolist()}) == 100
        assert (np.diff(drawn[:, 0] >= 5000) != 0).sum() > 20  # mixed, not one after the other
    assert not {tuple(pair) for pair in order.epoch(0)} & {tuple(pair) for pair in order.epoch(1)}


@given(
    shares=st.lists(st.floats(0.01, 10), min_size=2, max_size=4),
    limit=st.integers(1, 200),
)
def test_rounded_shares_add_up(shares: list[float], limit: int) -> None:
    order = SampleOrder(tuple(np.arange(5) for _ in shares), tuple(shares), 0, 4, limit)
    assert sum(order.counts) == limit
    for share, count in zip(shares, order.counts, strict=True):
        assert abs(count - limit * share / sum(shares)) < 1


def test_without_a_limit_an_epoch_is_as_long_as_all_pools_and_no_share_is_no_sample() -> None:
    order = SampleOrder((np.arange(10), 50 + np.arange(4)), (1.0, 1.0), 0, 4)
    assert order.size == 14 and order.counts == (7, 7)
    empty = SampleOrder((np.arange(10), np.arange(0)), (1.0, 0.0), 0, 4, 6)
    assert empty.counts == (6, 0) and (empty.epoch(0)[:, 0] < 10).all()


def make(item: int, draw: int) -> Arrays:
    random = np.random.default_rng([item, draw])
    return {"image": random.integers(0, 255, (4, 4), np.uint8), "who": np.float32([item, draw])}


def same(first: ArrayBatch, second: ArrayBatch) -> bool:
    return first.spare == second.spare and all(
        np.array_equal(first.arrays[name], second.arrays[name]) for name in ("image", "who")
    )


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_make_the_samples_that_one_would_make(threads: int) -> None:
    order = one_pool(20, batch=6)
    with ThreadFeed(make, threads) as feed:
        for epoch in (2, 0):
            made = list(feed(order, epoch))
            expected = [
                stack([make(*pair) for pair in pairs(part)]) for part in order.slices(epoch)
            ]
            assert len(made) == 4 and all(map(same, made, expected))
            assert [len(batch) for batch in made] == [5, 5, 5, 5]
            two = zip(*(feed(order.for_rank(rank, 2), epoch) for rank in (0, 1)), strict=True)
            for whole, parts in zip(expected, two, strict=True):
                for rank, part in enumerate(parts):
                    np.testing.assert_array_equal(
                        part.arrays["image"], whole.arrays["image"][rank::2]
                    )


def test_a_process_without_an_item_is_lent_one_that_does_not_count() -> None:
    order = one_pool(3, batch=1)
    with ThreadFeed(make, 1) as feed:
        spare = list(feed(order.for_rank(1, 2), 0))
    assert [batch.spare for batch in spare] == [True] * 3
    assert [len(batch) for batch in spare] == [1] * 3


def test_an_error_of_a_sample_ends_the_epoch_and_its_threads() -> None:
    def broken(item: int, draw: int) -> Arrays:
        if item == 107:
            raise DataError("image 7: truncated")
        return make(item, draw)

    before = threading.active_count()
    with ThreadFeed(broken, 2) as feed, pytest.raises(DataError, match="image 7: truncated"):
        list(feed(one_pool(20), 0))
    assert threading.active_count() == before
