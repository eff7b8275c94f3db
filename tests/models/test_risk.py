"""The score is made of named reasons; who shows a card, or shares a roof, is not punished."""
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.fraud import figures
from models.rules.risk import ABOUT_SHARING, POINTS, Facts, Reason, Verdict, assess

few = st.integers(0, 12)
facts = st.builds(Facts, few, few, few, st.booleans(), few, few, few, few, st.booleans())


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


def test_the_labelled_campus_is_told_apart():
    fraud, caught, honest, asked, held = figures(7)
    assert caught / fraud > 0.95
    assert asked / honest < 0.3
    assert held == 0
