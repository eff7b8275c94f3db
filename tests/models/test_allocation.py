from hypothesis import given
from hypothesis import strategies as st

from models.rules.allocation import shares

amounts = st.lists(st.integers(0, 10_000), min_size=1, max_size=30)


def test_five_off_is_taken_off_each_dish_by_its_price():
    # given: 大份黄焖鸡 ¥17 and 冰红茶 ¥3.5, first order -5
    assert shares([1700, 350], 1550) == [1285, 265]


@given(amounts, st.integers(0, 100_000))
def test_the_shares_are_the_whole_and_each_is_its_part_to_the_fen(parts, total):
    given_ = shares(parts, total)

    assert sum(given_) == total
    assert all(fen >= 0 for fen in given_)
    if whole := sum(parts):
        assert all(abs(fen * whole - part * total) < whole
                   for fen, part in zip(given_, parts, strict=True))


@given(amounts, st.data())
def test_nothing_costs_more_than_its_price_under_a_discount(parts, data):
    total = data.draw(st.integers(0, sum(parts)))
    assert all(fen <= part for fen, part in zip(shares(parts, total), parts, strict=True)
               ) or sum(parts) == 0
