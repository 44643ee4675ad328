from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leads.bus.fairness import Entry, FairQueue


def queue_of(*tenants: str) -> FairQueue:
    queue = FairQueue()
    for number, tenant in enumerate(tenants):
        queue.push(Entry(kind="page.viewed", pk=number, tenant=tenant))
    return queue


def names(entries: list[Entry]) -> str:
    return " ".join(f"{entry.tenant}{entry.pk}" for entry in entries)


def test_a_flood_from_one_tenant_does_not_make_another_wait() -> None:
    queue = queue_of(*"aaaaaaaaaaaaaaaabc")

    assert names(queue.take(8)) == "a0 b16 c17 a1 a2 a3"
    assert names(queue.take(8)) == "a4 a5 a6 a7 a8 a9 a10 a11"


def test_a_batch_takes_one_of_each_tenant_in_turn() -> None:
    queue = queue_of(*"aaabbbccc")

    assert names(queue.take(7)) == "a0 b3 c6 a1 b4 c7 a2"
    assert names(queue.take(7)) == "b5 c8"
    assert len(queue) == 0


def test_whoever_was_left_out_of_a_batch_is_first_in_the_next() -> None:
    queue = queue_of(*"aabbccdd")

    assert names(queue.take(3)) == "a0 b2 c4"
    assert names(queue.take(3)) == "d6 a1 b3"
    assert names(queue.take(3)) == "c5 d7"


def test_a_tenant_alone_fills_the_batch() -> None:
    queue = queue_of(*["a"] * 100)

    assert len(queue.take(64)) == 64
    assert len(queue.take(64)) == 36


def test_a_share_is_at_least_four() -> None:
    queue = queue_of(*(["a"] * 9 + [f"t{n}-" for n in range(20)]))

    first = queue.take(32)

    assert [entry.tenant for entry in first].count("a") == 4
    assert len(first) == 24
    assert len(queue) == 5


@pytest.mark.parametrize("most", [1, 7, 64])
@given(tenants=st.lists(st.sampled_from("abcdefgh"), max_size=200))
def test_nothing_is_lost_and_a_tenants_order_is_kept(most: int, tenants: list[str]) -> None:
    queue = queue_of(*tenants)
    taken: list[Entry] = []
    while queue:
        batch = queue.take(most)
        assert 0 < len(batch) <= most
        taken += batch

    for tenant in set(tenants):
        assert [e.pk for e in taken if e.tenant == tenant] == [
            n for n, t in enumerate(tenants) if t == tenant
        ]
    assert len(taken) == len(tenants)
