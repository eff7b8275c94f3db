import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from models.rules.order_state import (
    ENDED,
    GIVES_STOCK_BACK,
    HOLDS_STOCK,
    PAID_AND_LIVE,
    TRANSITIONS,
    UNPAID,
    IllegalTransition,
    OrderEvent,
    OrderState,
    is_allowed,
    next_state,
)

states, events = st.sampled_from(list(OrderState)), st.sampled_from(list(OrderEvent))


@given(states, events)
def test_the_table_alone_decides(state, event):
    if (state, event) in TRANSITIONS:
        assert is_allowed(state, event)
        assert next_state(state, event) == TRANSITIONS[state, event]
    else:
        assert not is_allowed(state, event)
        with pytest.raises(IllegalTransition):
            next_state(state, event)


@given(st.sampled_from(sorted(ENDED)), events)
def test_what_has_ended_stays_so_but_for_a_second_thought(state, event):
    if event is OrderEvent.UNDONE and state in (OrderState.CANCELLED, OrderState.REJECTED):
        assert next_state(OrderState(state), event) == OrderState.PAID
        return
    with pytest.raises(IllegalTransition):
        next_state(OrderState(state), event)


def test_every_state_can_be_reached_and_every_live_one_can_end():
    reached = {OrderState.DRAFT}
    while more := {to for (come, _), to in TRANSITIONS.items() if come in reached} - reached:
        reached |= more
    assert reached == set(OrderState)
    ends = set(ENDED)
    while more := {come for (come, _), to in TRANSITIONS.items() if to in ends} - ends:
        ends |= more
    assert ends == set(OrderState)


def test_the_groups_of_states_fit_together():
    assert not UNPAID & PAID_AND_LIVE
    assert set(OrderState) == UNPAID | PAID_AND_LIVE | ENDED
    assert not HOLDS_STOCK & GIVES_STOCK_BACK


class Life(RuleBasedStateMachine):
    """Any sequence of events, legal or not: money and food come in their order."""

    def __init__(self):
        super().__init__()
        self.state, self.past = OrderState.DRAFT, []

    @rule(event=events)
    def something_happens(self, event):
        # As Order.apply: what was never paid cannot be brought back to life.
        is_dead = event is OrderEvent.UNDONE and OrderEvent.PAID not in self.past
        if is_allowed(self.state, event) and not is_dead:
            self.state = next_state(self.state, event)
            self.past.append(event)

    @invariant()
    def nothing_is_cooked_unpaid_or_delivered_before_it_was_collected(self):
        def happened_before(first, then):
            return then not in self.past or first in self.past[:self.past.index(then)]

        assert happened_before(OrderEvent.PAID, OrderEvent.ACCEPTED)
        assert happened_before(OrderEvent.ACCEPTED, OrderEvent.PICKED_UP)
        assert happened_before(OrderEvent.PICKED_UP, OrderEvent.ARRIVED)
        assert happened_before(OrderEvent.ARRIVED, OrderEvent.HANDED_OVER)

    @invariant()
    def money_is_taken_once(self):
        assert self.past.count(OrderEvent.PAID) <= 1


TestLife = Life.TestCase
