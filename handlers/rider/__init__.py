"""The rider's side: on and off duty, an offer taken or left, and the way to the door."""
from handlers.rider.duty import go_offline, go_online, note_position, today
from handlers.rider.handover import HandOver, hand_over, settle
from handlers.rider.offer import (
    AnswerOffer,
    accept_offer,
    decline_offer,
    give_back,
    undo_take,
    withdraw_offer,
)
from handlers.rider.trip import ReportStep, arrived, at_shop, picked_up, undo_step

__all__ = ["AnswerOffer", "HandOver", "ReportStep", "accept_offer", "arrived", "at_shop",
           "decline_offer", "give_back", "go_offline", "go_online", "hand_over", "note_position",
           "picked_up", "settle", "today", "undo_step", "undo_take", "withdraw_offer"]
