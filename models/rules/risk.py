"""How odd an order looks: points for named reasons, each of which the person can answer. Pure.

Sharing a room, a phone or a wallet with others is what dormitories do: it asks for no more than a
student's card, and never of somebody who has shown it. A shared room, and a friend of that room
who invited, ask for nothing by themselves: only a shared phone or wallet does, or more newcomers
in a month than a room has beds. An address on the network is no reason at all.
"""
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Reason(StrEnum):
    SAME_ROOM = "same_room"        # another person of this room had the first-order discount
    CROWDED_ROOM = "crowded_room"  # … and so did more people this month than a room has beds
    SAME_DEVICE = "same_device"    # … or on this phone
    SAME_PAYER = "same_payer"      # … or paid by this person
    SELF_INVITED = "self_invited"  # invited by somebody of the same room, phone or wallet
    MANY_BACK = "many_back"        # most of what was bought lately went back after complaints
    IN_A_HURRY = "in_a_hurry"      # many orders confirmed within the hour, and hardly any paid


class Verdict(StrEnum):
    PASS = "pass"
    VERIFY = "verify"  # a student's card first
    HUMAN = "human"    # somebody on duty looks first


POINTS: Final[Mapping[Reason, int]] = MappingProxyType({
    Reason.SAME_ROOM: 10, Reason.CROWDED_ROOM: 30, Reason.SAME_DEVICE: 40,
    Reason.SAME_PAYER: 40, Reason.SELF_INVITED: 10, Reason.MANY_BACK: 60,
    Reason.IN_A_HURRY: 30})
VERIFY_AT: Final = 30
HUMAN_AT: Final = 60
ABOUT_SHARING: Final = frozenset({Reason.SAME_ROOM, Reason.CROWDED_ROOM, Reason.SAME_DEVICE,
                                  Reason.SAME_PAYER, Reason.SELF_INVITED})
BEDS: Final = 8
FEW: Final = 3
MANY: Final = 6


@dataclass(frozen=True, slots=True)
class Facts:
    """`room`, `device`, `payer`: other people who had the first-order discount there. Of the last
    thirty days: `room_lately`, those of `room`; `bought`, orders that came; `complained`, those of
    them whose money went back after a complaint. Of the last hour: `confirmed` and `paid`."""

    room: int = 0
    room_lately: int = 0
    device: int = 0
    payer: int = 0
    is_invited_from_there: bool = False
    bought: int = 0
    complained: int = 0
    confirmed: int = 0
    paid: int = 0
    is_verified: bool = False


@dataclass(frozen=True, slots=True)
class Risk:
    """`reasons`: the one that weighs most is first."""

    reasons: tuple[Reason, ...] = ()

    @property
    def points(self) -> int:
        return sum(POINTS[reason] for reason in self.reasons)

    @property
    def verdict(self) -> Verdict:
        """Only what sharing does not explain waits for a human."""
        alone = sum(POINTS[r] for r in self.reasons if r not in ABOUT_SHARING)
        if alone >= HUMAN_AT:
            return Verdict.HUMAN
        return Verdict.VERIFY if self.points >= VERIFY_AT else Verdict.PASS


def assess(facts: Facts) -> Risk:
    """A student's card answers whatever sharing looks like."""
    found = {
        Reason.SAME_ROOM: facts.room > 0, Reason.CROWDED_ROOM: facts.room_lately >= BEDS,
        Reason.SAME_DEVICE: facts.device > 0, Reason.SAME_PAYER: facts.payer > 0,
        Reason.SELF_INVITED: facts.is_invited_from_there,
        Reason.MANY_BACK: facts.complained >= FEW and 2 * facts.complained > facts.bought,
        Reason.IN_A_HURRY: facts.confirmed >= MANY and 3 * facts.paid < facts.confirmed}
    named = [reason for reason, is_so in found.items()
             if is_so and not (facts.is_verified and reason in ABOUT_SHARING)]
    return Risk(tuple(sorted(named, key=lambda reason: -POINTS[reason])))
