"""The score is made of named reasons; who shows a card, or shares a roof, is not punished."""
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fraud import campus, figures
from models.rules.risk import ABOUT_SHARING, BEDS, POINTS, Facts, Reason, Verdict, assess

few = st.integers(0, 12)
facts = st.builds(Facts, room=few, room_lately=few, device=few, payer=few, bought=few,
                  complained=few, confirmed=few, paid=few, is_invited_from_there=st.booleans(),
                  is_verified=st.booleans())


@given(facts)
def test_the_points_are_those_of_the_reasons_that_are_named(known):
    risk = assess(known)
    assert risk.points == sum(POINTS[reason] for reason in risk.reasons)
    assert (risk.verdict is Verdict.PASS) == (risk.points < 30)


@given(facts)
def test_sharing_is_answered_by_a_card_and_never_waits_for_a_human(known):
    risk = assess(known)
    if known.is_verified:
        assert not ABOUT_SHARING & set(risk.reasons)
    if set(risk.reasons) <= ABOUT_SHARING:
        assert risk.verdict is not Verdict.HUMAN


def test_a_complaint_now_and_then_is_no_reason():
    assert assess(Facts(bought=3, complained=2)).reasons == ()
    assert assess(Facts(bought=20, complained=5)).reasons == ()
    assert assess(Facts(bought=4, complained=3)).reasons == (Reason.MANY_BACK,)


@given(few, st.integers(0, BEDS - 1), st.booleans())
def test_a_shared_room_alone_asks_for_nothing(room, room_lately, is_invited):
    known = Facts(room=room, room_lately=room_lately, is_invited_from_there=is_invited)
    assert assess(known).verdict is Verdict.PASS


@pytest.mark.parametrize("beside", [
    {"device": 1}, {"payer": 1}, {"room_lately": BEDS}, {"confirmed": 6, "paid": 1}])
def test_a_shared_room_counts_beside_something_else(beside):
    assert assess(Facts(room=1, **beside)).verdict is Verdict.VERIFY
    assert assess(Facts(room=1, **beside)).points > assess(Facts(**beside)).points


@given(facts)
def test_what_weighs_most_is_said_first(known):
    weights = [POINTS[reason] for reason in assess(known).reasons]
    assert weights == sorted(weights, reverse=True)


@pytest.mark.parametrize("seed", [1, 7, 42])
def test_the_labelled_campus_is_told_apart(seed):
    fraud, caught, honest, asked, held = figures(campus(seed))
    assert caught / fraud >= 0.9
    assert asked / honest <= 0.05
    assert held == 0
