"""Whether an inviter and a newcomer may be one person. Pure.

Friends share rooms, phones and wallets as well, so that two students' cards answer all of it: a
card proves one person.
"""
from dataclasses import dataclass
from enum import StrEnum


class Tie(StrEnum):
    NUMBER = "number"  # the same telephone number
    DEVICE = "device"  # paid on the same phone
    PAYER = "payer"    # paid from the same wallet
    ROOM = "room"


@dataclass(frozen=True, slots=True)
class Ties:
    """What the two have in common; `are_verified`: both have shown a student's card."""

    number: bool = False
    device: bool = False
    payer: bool = False
    room: bool = False
    are_verified: bool = False


def held_back(ties: Ties) -> Tie | None:
    """Why there is no reward yet, if there is none."""
    if ties.are_verified:
        return None
    return next((tie for tie in Tie if getattr(ties, tie.value)), None)
