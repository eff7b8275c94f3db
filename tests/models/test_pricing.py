from fractions import Fraction

from hypothesis import given
from hypothesis import strategies as st

from models.rules.offers import Layer, Offer
from models.rules.pricing import Fees, PricedLine, quote

fen = st.integers(0, 100_000)
lines = st.lists(st.builds(
    PricedLine, fen, st.sampled_from([Fraction(1, 2), Fraction(1), Fraction(2), Fraction(7, 2)]),
    st.lists(st.integers(0, 2000), max_size=3).map(tuple)), max_size=8)
discounts = st.lists(st.builds(
    lambda off, threshold: Offer("threshold", Layer.SHOP, off_fen=off, threshold_fen=threshold),
    st.integers(1, 100_000), fen), max_size=4)


@given(lines, st.integers(1, 2000), discounts)
def test_a_quote_adds_up_and_takes_the_best_offer(cart, delivery, offers):
    asked = quote(cart, delivery_fen=delivery, offers=offers)
    goods = sum(line.amount_fen for line in cart)
    assert asked.goods_fen == goods
    assert asked.payable_fen == goods + delivery - asked.discount_fen >= 1
    possible = [min(o.off_fen, goods, goods + delivery - 1) for o in offers
                if goods >= o.threshold_fen]
    assert asked.discount_fen == max(possible, default=0)
    assert (not asked.chosen.taken) == (asked.discount_fen == 0)


def test_half_a_portion_rounds_up_to_a_whole_fen():
    assert PricedLine(1501, Fraction(1, 2)).amount_fen == 751
    assert PricedLine(1500, Fraction(2), (300, 200)).amount_fen == 4000


def test_the_first_500_metres_are_in_the_base_fee():
    fees = Fees(delivery_base_fen=200, per_100m_fen=30)
    assert [fees.delivery_fen(m) for m in (0, 500, 501, 600, 601)] == [200, 200, 230, 230, 260]
