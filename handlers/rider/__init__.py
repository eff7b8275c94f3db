"""The rider's side: on and off duty, an offer taken or left, and the way to the door."""
from handlers.rider.door import (
    Photo,
    ask_photo,
    collect,
    complete_forgotten,
    fetched,
    let_through,
    nobody_there,
    photo_taken,
    resend_pin,
)
from handlers.rider.duty import (
    end_break,
    end_shift,
    end_shift_at,
    go_offline,
    go_online,
    note_position,
    prefer_on_way,
    take_break,
    today,
)
from handlers.rider.handover import HandOver, hand_over, settle
from handlers.rider.jobs import in_hand, in_trouble
from handlers.rider.offer import (
    AnswerOffer,
    accept_offer,
    decline_offer,
    give_back,
    undo_take,
    withdraw_offer,
)
from handlers.rider.trip import ReportStep, arrived, at_shop, picked_up, undo_step
from handlers.rider.why import why_not_me

__all__ = ["AnswerOffer", "HandOver", "Photo", "ReportStep", "accept_offer", "arrived",
           "ask_photo", "at_shop", "collect", "complete_forgotten", "decline_offer", "end_break",
           "end_shift", "end_shift_at",
           "fetched", "give_back", "go_offline", "go_online", "hand_over", "in_hand", "in_trouble",
           "let_through",
           "nobody_there", "note_position", "photo_taken", "picked_up", "prefer_on_way",
           "resend_pin", "settle", "take_break", "today", "undo_step", "undo_take",
           "why_not_me", "withdraw_offer"]
