"""The order's life as a table. Pure: no database, no clock, no text."""
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class OrderState(StrEnum):
    DRAFT = "draft"                        # quoted, may still change
    AWAITING_PAYMENT = "awaiting_payment"  # price frozen, pay link out
    PAID = "paid"                          # the kitchen has not answered yet
    COOKING = "cooking"
    READY = "ready"
    DELIVERING = "delivering"
    ARRIVED = "arrived"                    # at the drop-off, hand-over code asked
    SHELVED = "shelved"                    # left on the rack with a photo: not delivered yet
    DELIVERED = "delivered"
    CANCELLED = "cancelled"                # by the student, or with what the kitchen agreed to
    EXPIRED = "expired"                    # nobody paid in time
    REJECTED = "rejected"                  # the kitchen said no, or nothing, in time


class OrderEvent(StrEnum):
    REVISED = "revised"
    CONFIRMED = "confirmed"
    PAID = "paid"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    COOKED = "cooked"
    RIDER_TAKEN = "rider_taken"
    AT_SHOP = "at_shop"
    PICKED_UP = "picked_up"
    ARRIVED = "arrived"
    HANDED_OVER = "handed_over"
    CALLED_OFF = "called_off"    # cancelled while the kitchen was at work, on agreed terms
    UNDONE = "undone"            # the last step taken back within its minute
    RIDER_LEFT = "rider_left"    # the rider gave the order back before collecting it
    CHANGED = "changed"          # a dish that ran out was swapped or dropped
    DELAYED = "delayed"          # promised anew, later
    REDIRECTED = "redirected"    # to another place or person
    SELF_PICKUP = "self_pickup"  # no rider: the buyer comes to the shop
    COLLECTED = "collected"      # taken from the shop or the rack by the buyer
    NOBODY_THERE = "nobody_there"
    SHELVED = "shelved"


class IllegalTransition(Exception):
    """The order's present state does not allow this event."""


_S, _E = OrderState, OrderEvent

TRANSITIONS: Final[Mapping[tuple[OrderState, OrderEvent], OrderState]] = MappingProxyType({
    (_S.DRAFT, _E.REVISED): _S.DRAFT,
    (_S.DRAFT, _E.CONFIRMED): _S.AWAITING_PAYMENT,
    (_S.DRAFT, _E.CANCELLED): _S.CANCELLED,
    (_S.AWAITING_PAYMENT, _E.REVISED): _S.DRAFT,
    (_S.AWAITING_PAYMENT, _E.PAID): _S.PAID,
    (_S.AWAITING_PAYMENT, _E.EXPIRED): _S.EXPIRED,
    (_S.AWAITING_PAYMENT, _E.CANCELLED): _S.CANCELLED,
    (_S.PAID, _E.ACCEPTED): _S.COOKING,
    (_S.PAID, _E.REJECTED): _S.REJECTED,
    (_S.PAID, _E.CANCELLED): _S.CANCELLED,
    (_S.COOKING, _E.COOKED): _S.READY,
    (_S.COOKING, _E.RIDER_TAKEN): _S.COOKING,
    (_S.COOKING, _E.AT_SHOP): _S.COOKING,
    (_S.COOKING, _E.PICKED_UP): _S.DELIVERING,  # the kitchen forgot to say it was done
    (_S.READY, _E.RIDER_TAKEN): _S.READY,
    (_S.READY, _E.AT_SHOP): _S.READY,
    (_S.READY, _E.PICKED_UP): _S.DELIVERING,
    (_S.DELIVERING, _E.ARRIVED): _S.ARRIVED,
    (_S.ARRIVED, _E.HANDED_OVER): _S.DELIVERED,
    # Second thoughts. Whoever cancelled or said no may take it back while the refund waits.
    (_S.CANCELLED, _E.UNDONE): _S.PAID,
    (_S.REJECTED, _E.UNDONE): _S.PAID,
    (_S.COOKING, _E.UNDONE): _S.PAID,
    (_S.READY, _E.UNDONE): _S.COOKING,
    (_S.DELIVERING, _E.UNDONE): _S.READY,
    (_S.ARRIVED, _E.UNDONE): _S.DELIVERING,
    # Bad days.
    **{(state, _E.CALLED_OFF): _S.CANCELLED for state in (_S.COOKING, _S.READY)},
    **{(state, _E.RIDER_LEFT): state for state in (_S.COOKING, _S.READY)},
    **{(state, _E.SELF_PICKUP): state for state in (_S.COOKING, _S.READY)},
    **{(state, _E.CHANGED): state
       for state in (_S.COOKING, _S.READY, _S.DELIVERING, _S.ARRIVED)},
    **{(state, _E.DELAYED): state
       for state in (_S.COOKING, _S.READY, _S.DELIVERING, _S.ARRIVED)},
    **{(state, _E.REDIRECTED): state
       for state in (_S.PAID, _S.COOKING, _S.READY, _S.DELIVERING, _S.ARRIVED)},
    (_S.ARRIVED, _E.NOBODY_THERE): _S.ARRIVED,
    (_S.ARRIVED, _E.SHELVED): _S.SHELVED,
    (_S.SHELVED, _E.HANDED_OVER): _S.DELIVERED,
    (_S.SHELVED, _E.COLLECTED): _S.DELIVERED,
    (_S.READY, _E.COLLECTED): _S.DELIVERED,    # by the buyer, where there was no rider
    (_S.COOKING, _E.COLLECTED): _S.DELIVERED,  # … and the kitchen forgot to say it was done
})

ENDED: Final = frozenset({_S.DELIVERED, _S.CANCELLED, _S.EXPIRED, _S.REJECTED})
UNPAID: Final = frozenset({_S.DRAFT, _S.AWAITING_PAYMENT})
IN_KITCHEN: Final = frozenset({_S.PAID, _S.COOKING, _S.READY})
WANTS_RIDER: Final = frozenset({_S.COOKING, _S.READY})
ON_THE_WAY: Final = frozenset({_S.DELIVERING, _S.ARRIVED, _S.SHELVED})
LOADED: Final = ON_THE_WAY | {_S.DELIVERED}
HOLDS_STOCK: Final = frozenset({_S.AWAITING_PAYMENT, _S.PAID})  # and may still lose it
GIVES_STOCK_BACK: Final = frozenset({_S.DRAFT, _S.CANCELLED, _S.EXPIRED, _S.REJECTED})
GIVES_MONEY_BACK: Final = frozenset({_S.CANCELLED, _S.REJECTED})  # where any was paid
PAID_AND_LIVE: Final = IN_KITCHEN | ON_THE_WAY


def next_state(state: OrderState, event: OrderEvent) -> OrderState:
    """The state `event` leads to. Raises IllegalTransition where the table has no arrow."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"{event} does not apply to an order that is {state}") from None


def is_allowed(state: OrderState, event: OrderEvent) -> bool:
    return (state, event) in TRANSITIONS
