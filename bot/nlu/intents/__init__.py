"""What a message is for. Rules in order of how sure they are; the first that holds answers."""
from collections.abc import Mapping
from typing import Final

from bot.nlu.intents.aftercare import after_sale, complain, rate
from bot.nlu.intents.answers import choice_of, pending, rating_of
from bot.nlu.intents.base import Grammars, Guess, Message, Rule, message_of
from bot.nlu.intents.errands import delivery, errand
from bot.nlu.intents.groups import group
from bot.nlu.intents.merchants import (
    merchant_accept,
    merchant_ready,
    merchant_reject,
    merchant_stock,
)
from bot.nlu.intents.money import cancel, coupon, fee, pay, price
from bot.nlu.intents.orders import address, change, order, reorder, schedule, swap
from bot.nlu.intents.queries import (
    chat,
    confirm_anyway,
    help,
    human,
    invite,
    menu,
    mine_where,
    progress,
    rider_job,
)
from bot.nlu.intents.riders import (
    own_work,
    rider_offer,
    rider_problem,
    rider_progress,
    rider_shift,
    rider_take,
)
from bot.nlu.intents.safety import greeting, long, sms, sos, unsafe


def intent_of(message: Message, grammars: Grammars) -> Guess:
    """The intent; `out_of_scope` when no rule holds."""
    for rule in _RULES[message.role if message.role in _RULES else "student"]:
        guess = rule(message, grammars)
        if guess is not None:
            name = rule.__name__.lstrip("_")
            message.notes.append(f"{name} → {guess.intent} {guess.sure:.2f}")
            return guess._replace(rule=name)
    message.notes.append("no rule")
    return Guess("out_of_scope", 0.6, "none")


_COMMON: Final[tuple[Rule, ...]] = (unsafe, long, sos, greeting)


_TAIL: Final[tuple[Rule, ...]] = (human, coupon, help, chat)


_STUDENT: Final[tuple[Rule, ...]] = (
    *_COMMON, sms, pending, human, confirm_anyway, rider_job, invite, group,
    fee, coupon, reorder, price, after_sale, pay, cancel, complain, rate, mine_where,
    swap, progress, delivery, change, address, schedule, menu, errand, order, help, chat)


_RULES: Final[Mapping[str, tuple[Rule, ...]]] = {
    "student": _STUDENT,
    "rider": (*_COMMON, pending, human, rider_offer, rider_take,
              rider_problem, rider_progress, rider_shift, own_work, coupon, invite, rider_job,
              help, chat),
    "merchant": (*_COMMON, pending, human, merchant_stock, merchant_reject, merchant_ready,
                 merchant_accept, own_work, help, chat),
}

__all__ = ["Grammars", "Guess", "Message", "choice_of", "intent_of", "message_of", "rating_of"]
