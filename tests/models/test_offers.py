"""The best combination of offers, against every combination there is."""
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from models.rules.offers import Layer, Offer, best, nearest

fen = st.integers(0, 6000)
amounts = st.one_of(
    st.builds(dict, off_fen=st.integers(1, 3000)),
    st.builds(dict, percent_off=st.integers(1, 99),
              most_off_fen=st.none() | st.integers(1, 1000)))
rest = st.builds(dict, threshold_fen=fen, is_once=st.booleans(), is_alone=st.booleans(),
                 name=st.sampled_from("abc"))
on_goods = st.builds(lambda layer, amount, more: Offer("any", layer, **amount, **more),
                     st.sampled_from([Layer.SHOP, Layer.PERSON]), amounts, rest)
on_the_way = st.builds(lambda more: Offer("weekday", Layer.DELIVERY, is_free_delivery=True, **more),
                       rest)
offers = st.lists(st.one_of(on_goods, on_the_way), max_size=6)


def worth(combination, goods, delivery):
    """What a set of offers takes off by the four rules, written anew; None if it is no set."""
    layers = [offer.layer for offer in combination]
    if len(set(layers)) < len(layers) or (
            len(combination) > 1 and any(o.is_alone for o in combination)):
        return None
    on_goods = on_way = 0
    for offer in combination:
        if goods < offer.threshold_fen:
            continue
        if offer.is_free_delivery:
            on_way += delivery
        elif offer.off_fen:
            on_goods += min(offer.off_fen, offer.most_off_fen or offer.off_fen)
        else:
            off = goods * offer.percent_off // 100
            on_goods += off if offer.most_off_fen is None else min(off, offer.most_off_fen)
    return min(min(on_goods, goods) + on_way, max(0, goods + delivery - 1))


@settings(max_examples=400)
@given(offers, fen, st.integers(0, 600))
def test_the_choice_is_the_best_of_all_combinations(campaigns, goods, delivery):
    every = [worth(chosen, goods, delivery) for size in range(len(campaigns) + 1)
             for chosen in combinations(campaigns, size)]
    chosen = best(campaigns, goods_fen=goods, delivery_fen=delivery)

    assert chosen.off_fen == max(worth for worth in every if worth is not None)
    assert all(taken.off_fen > 0 for taken in chosen.taken)
    assert goods + delivery - chosen.off_fen >= min(1, goods + delivery)


@settings(max_examples=300)
@given(offers, fen, st.integers(0, 600))
def test_nothing_is_spent_that_saves_nothing(campaigns, goods, delivery):
    chosen = best(campaigns, goods_fen=goods, delivery_fen=delivery)
    if any(taken.offer.is_once for taken in chosen.taken):
        without = [offer for offer in campaigns if not offer.is_once]
        assert best(without, goods_fen=goods, delivery_fen=delivery).off_fen < chosen.off_fen


@settings(max_examples=300)
@given(offers, st.permutations(range(6)), fen, st.integers(0, 600))
def test_the_order_in_the_file_is_no_matter(campaigns, order, goods, delivery):
    shuffled = [campaigns[i] for i in order if i < len(campaigns)]
    assert best(shuffled, goods_fen=goods, delivery_fen=delivery).off_fen == best(
        campaigns, goods_fen=goods, delivery_fen=delivery).off_fen


@settings(max_examples=300)
@given(offers, fen, st.integers(0, 600))
def test_what_a_few_yuan_more_would_bring_is_true(campaigns, goods, delivery):
    now = best(campaigns, goods_fen=goods, delivery_fen=delivery)
    if found := nearest(campaigns, goods_fen=goods, delivery_fen=delivery, most_fen=500):
        offer, more = found
        then = best(campaigns, goods_fen=goods + more, delivery_fen=delivery)
        assert 0 < more <= 500
        assert offer in [taken.offer for taken in then.taken]
        assert then.off_fen > now.off_fen


FIRST = Offer("first_order", Layer.PERSON, off_fen=500, threshold_fen=1500, is_once=True)
STUDENT = Offer("student", Layer.PERSON, percent_off=10)
OFF_30 = Offer("threshold", Layer.SHOP, off_fen=400, threshold_fen=3000)
FREE = Offer("weekday", Layer.DELIVERY, is_free_delivery=True)


def test_a_lunch_of_thirty_yuan_gets_one_of_each_layer():
    chosen = best([FIRST, STUDENT, OFF_30, FREE], goods_fen=3000, delivery_fen=200)
    assert [(taken.offer.kind, taken.off_fen) for taken in chosen.taken] == [
        ("threshold", 400), ("first_order", 500), ("weekday", 200)]
    assert chosen.unused is not None
    assert (chosen.unused.offer, chosen.unused.off_fen) == (STUDENT, 300)


def test_of_equals_the_first_order_is_kept_for_another_day():
    chosen = best([FIRST, STUDENT], goods_fen=5000, delivery_fen=200)
    assert [taken.offer for taken in chosen.taken] == [STUDENT]


def test_one_that_stands_alone_is_weighed_against_all_others_together():
    alone = Offer("threshold", Layer.SHOP, off_fen=800, is_alone=True)
    assert best([alone, FIRST, OFF_30], goods_fen=3000, delivery_fen=200).off_fen == 900
    assert best([alone, FIRST], goods_fen=3000, delivery_fen=200).off_fen == 800


def test_a_few_yuan_more_are_mentioned_only_where_they_save_more():
    assert nearest([OFF_30], goods_fen=2800, delivery_fen=0, most_fen=500) == (OFF_30, 200)
    assert nearest([OFF_30], goods_fen=2400, delivery_fen=0, most_fen=500) is None
    assert nearest([OFF_30], goods_fen=3000, delivery_fen=0, most_fen=500) is None
