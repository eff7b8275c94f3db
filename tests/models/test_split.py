"""The fair split, on ten thousand random groups with random drop-outs."""
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.rules.split import Division, Seat, divide, portions

MOST_SEATS = 20
GROUPS = st.lists(st.integers(1, 9000), min_size=1, max_size=MOST_SEATS)
MONEY = st.integers(0, 1500)


def seats_of(goods, most=None):
    return [Seat(n, fen, (most or {}).get(n)) for n, fen in enumerate(goods, 1)]


def paid(division: Division):
    return {n: share.payable_fen for n, share in division.shares.items()}


def test_two_yuan_by_three_is_67_67_and_66_for_the_opener():
    shares = divide(seats_of([1300, 1700, 1300]), opener=2, delivery_fen=200).shares
    assert {n: share.delivery_fen for n, share in shares.items()} == {1: 67, 2: 66, 3: 67}


def test_an_opener_who_ordered_nothing_leaves_the_rest_to_the_first_to_join():
    seats = [Seat(4, 1000), Seat(2, 1000), Seat(3, 1000)]
    shares = divide(seats, opener=1, delivery_fen=200).shares
    assert {n: share.delivery_fen for n, share in shares.items()} == {2: 66, 3: 67, 4: 67}


def test_a_discount_goes_by_what_each_ordered():
    shares = divide(seats_of([1000, 2000, 3000]), opener=1, delivery_fen=0, discount_fen=500).shares
    assert [shares[n].discount_fen for n in (1, 2, 3)] == [83, 167, 250]


@given(MONEY, st.integers(1, MOST_SEATS))
def test_all_but_the_opener_pay_the_same_and_the_opener_is_close(fee, heads):
    shares = portions(fee, dict.fromkeys(range(1, heads + 1), 1), 1)
    assert sum(shares.values()) == fee
    assert len({shares[n] for n in range(2, heads + 1)}) <= 1
    assert all(share >= 0 for share in shares.values())
    assert abs(shares[1] - fee / heads) <= max(0, heads - 1)


@given(GROUPS, MONEY, MONEY, st.randoms(use_true_random=False))
def test_any_group_with_drop_outs(goods, fee, discount, dice):
    _live_through(goods, fee, discount, dice)


def test_ten_thousand_groups_with_drop_outs():
    for seed in range(10_000):
        dice = random.Random(seed)
        goods = [dice.randint(1, 9000) for _ in range(dice.randint(1, MOST_SEATS))]
        _live_through(goods, dice.randint(0, 1500), dice.choice([0, dice.randint(0, 9000)]), dice)


def _live_through(goods, fee, discount, dice):
    """The parts make the bill; nobody pays more when another leaves; no order matters."""
    opener, seats = dice.randint(1, len(goods)), seats_of(goods)
    first = divide(seats, opener=opener, delivery_fen=fee, discount_fen=discount)
    _is_whole(first)
    assert first.gift_fen == 0
    assert first == divide(dice.sample(seats, len(seats)), opener=opener, delivery_fen=fee,
                           discount_fen=discount)

    gone = dice.sample(range(1, len(goods) + 1), dice.randint(0, len(goods) - 1))
    quoted = paid(first)
    before_lock = divide([s for s in seats_of(goods, quoted) if s.number not in gone],
                         opener=opener, delivery_fen=fee, discount_fen=discount)
    _is_whole(before_lock)
    assert all(payable <= quoted[n] for n, payable in paid(before_lock).items())

    after_lock = first
    for number in gone:
        after_lock = after_lock.without(number)
        _is_whole(after_lock)
        assert paid(after_lock) == {n: quoted[n] for n in after_lock.shares}
    assert after_lock.gift_fen == fee - sum(
        share.delivery_fen for share in after_lock.shares.values())


def _is_whole(division: Division):
    assert division.payable_fen + division.gift_fen == division.bill_fen
    assert all(payable >= 1 for payable in paid(division).values())
    assert all(share.delivery_fen >= 0 and share.discount_fen >= 0 and share.gift_fen >= 0
               for share in division.shares.values())


@given(GROUPS, MONEY)
def test_who_was_quoted_keeps_the_quote_when_more_join_or_leave(goods, fee):
    most = {}
    for heads in range(1, len(goods) + 1):
        division = divide(seats_of(goods[:heads], most), opener=1, delivery_fen=fee)
        most[heads] = paid(division)[heads]
        assert all(paid(division)[n] <= most[n] for n in most)
    for number in range(1, len(goods) + 1):
        alone = divide([Seat(number, goods[number - 1], most[number])], opener=1, delivery_fen=fee)
        assert paid(alone)[number] <= most[number]


def test_the_last_to_leave_leaves_nothing_to_pay():
    left = divide(seats_of([900, 800]), opener=1, delivery_fen=200).without(1).without(2)
    assert (left.bill_fen, left.payable_fen, left.gift_fen) == (0, 0, 0)


@pytest.mark.parametrize("discount", [1799, 1800, 5000])
def test_a_discount_leaves_everybody_something_to_pay(discount):
    division = divide(seats_of([900, 900]), opener=1, delivery_fen=0, discount_fen=discount)
    assert paid(division) == {1: 1, 2: 1} or division.payable_fen >= 2
