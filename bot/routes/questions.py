"""How things work here: 能开发票吗, 几点关门, 付不了款. Each has an answer of its own."""
import re
import tomllib
import unicodedata
from collections.abc import Callable
from typing import Final

from bot.nlu.understand import Understanding
from bot.routes import complaint, invitation
from bot.routes.address import other_door
from bot.routes.base import Turn
from config import settings
from config.texts import Reply
from handlers import customer, fees, menu, rider, suggest
from handlers import order as ordering
from models.order import Order
from models.rules.order_state import UNPAID, OrderState

_ASKED_AS: Final = frozenset({"help", "query_fee", "query_coupon", "query_menu", "query_eta",
                              "chitchat", "out_of_scope", "pay"})
# What is heard in words that also say no, name an address, ask how it stands, or complain.
_ELSEWISE: Final = frozenset({"deny", "address_set", "query_status", "urge", "complain"})
_HEARD_IN_THEM: Final = frozenset({"wrong_address", "paid_twice", "forgotten", "pin"})
_SMALL_TALK: Final = frozenset({"thanks", "bye", "greeting"})
LONGEST: Final = 40  # characters: longer ones tell a story
_NOISE: Final = re.compile(r"[\s，。！!,.~～？?、；;：:…]+")
_SAID: Final[dict[str, re.Pattern[str]]] = {
    topic: re.compile("|".join(f"(?:{form})" for form in forms), re.IGNORECASE)
    for topic, forms in tomllib.loads((settings.ROOT / "config" / "lexicon" / "questions.toml")
                                      .read_text("utf-8")).items()}


def answered(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """The answer; None: these words ask none of these things, or they do something."""
    if meant.intent not in _ASKED_AS | _ELSEWISE:
        return None
    topic = _topic(turn.text)
    if meant.intent in _ELSEWISE and topic not in _HEARD_IN_THEM:
        return None
    if topic in _SMALL_TALK and meant.intent != "chitchat":
        return None
    if topic is None:
        return _fee(turn, focus, meant) if meant.intent == "query_fee" else None
    answer = _ANSWERS.get(topic)
    return answer(turn, focus, meant) if answer else Reply(f"question.{topic}")


def bare(text: str) -> str:
    """The words alone, in half-width form."""
    return _NOISE.sub("", unicodedata.normalize("NFKC", text[:4 * LONGEST]))


def _topic(text: str) -> str | None:
    words = bare(text)
    if len(words) > LONGEST:
        return None
    return next((topic for topic, form in _SAID.items() if form.search(words)), None)


def _pay_trouble(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    if focus is None or focus.state != OrderState.AWAITING_PAYMENT:
        return Reply("question.pay_trouble")
    order = ordering.describe(turn.session, turn.speaker, focus, now=turn.now)
    return Reply("question.pay_again", {"order": order}, order.tap_id)


def _cheaper(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    return invitation.what_saves(turn)


def _hours(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    shop = meant.slots.get("shop_id")
    return menu.hours(turn.session, turn.speaker, str(shop) if shop else None, now=turn.now)


def _minimum(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    return menu.minimums(turn.session, turn.speaker)


def _fee(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    is_errand = bool(meant.slots.get("errand_kind")) or bool(_ERRANDS.search(turn.text))
    return fees.told(turn.speaker, focus, is_errand=is_errand)


_ERRANDS: Final = re.compile(r"快递|跑腿|代取|代拿|代买|取件|打印|排队")


def _door(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    place = focus.place if focus and focus.place else turn.speaker.person.place
    point = (place.rules or {}).get("drop_point") if place else None
    return Reply("question.door_point", {"place": place.name, "point": point}) \
        if place and point else Reply("question.door")


def _contact(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    jobs = turn.speaker.carrying
    return Reply("relay.contact_of", {"code": jobs[0].code}) if jobs else Reply("relay.contact")


def _progress(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """饭做好了吗"""
    return ordering.describe(turn.session, turn.speaker, focus, now=turn.now) if focus else None


def _hurry(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """快点啊饿死了, of an order that nobody has paid for yet: what it waits for."""
    if focus is None or OrderState(focus.state) not in UNPAID:
        return None
    return ordering.describe(turn.session, turn.speaker, focus, now=turn.now)


def _bad_food(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """吃出虫子了, 拉肚子了: of what came last; more than a taste is at stake."""
    return complaint.said(turn, focus, meant)


def _received(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """我收到了: what lay on a rack is theirs now; else how it stands."""
    if focus is None:
        return None
    if focus.state == OrderState.SHELVED or focus.is_self_pickup:
        return rider.collect(turn.session, turn.speaker, rider.ReportStep(focus.id), now=turn.now)
    return ordering.describe(turn.session, turn.speaker, focus, now=turn.now)


def _pin(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """取餐码忘了: it is shown where it is of use."""
    if focus is None or OrderState(focus.state) in UNPAID:
        return None
    order = ordering.describe(turn.session, turn.speaker, focus, now=turn.now)
    is_out = focus.state == OrderState.ARRIVED or focus.errand is not None
    return order if is_out else Reply("question.pin_later", {"order": order}, order.tap_id)


def _forgotten(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """是不是忘了我的单"""
    if focus is None:
        return None
    if OrderState(focus.state) in UNPAID:
        return ordering.describe(turn.session, turn.speaker, focus, now=turn.now)
    return ordering.urge(turn.session, turn.speaker, ordering.OwnOrder(focus.id), now=turn.now)


def _hungry(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """好饿啊: what there is; of an order that there is, how it stands."""
    if focus is not None:
        return ordering.describe(turn.session, turn.speaker, focus, now=turn.now)
    return suggest.what_to_eat(turn.session, turn.speaker, now=turn.now)


def _first_order(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    return customer.first_offer_told(turn.session, turn.speaker, now=turn.now)


def _paid_twice(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """付了两次钱: what has come in for the last order, as the books have it."""
    return ordering.what_was_paid(turn.session, turn.speaker)


def _wrong_address(turn: Turn, focus: Order | None, meant: Understanding) -> Reply | None:
    """地址错了: of which order, and where else."""
    if meant.slots.get("place_id"):
        return None
    room = _ROOM.search(turn.text)
    return other_door(turn, focus, room["room"].upper() if room else None)


_ROOM: Final = re.compile(r"(?<!不)是\s*(?P<room>[A-Za-z]?\d{3,4}[A-Za-z]?)(?!\d)")


def _greeting(turn: Turn, focus: Order | None, meant: Understanding) -> Reply:
    return Reply("question.greeting", {
        "example": customer.example_dish(turn.session, turn.speaker)})


_ANSWERS: Final[dict[str, Callable[[Turn, Order | None, Understanding], Reply | None]]] = {
    "pay_trouble": _pay_trouble, "hours": _hours, "minimum": _minimum, "door": _door,
    "cheaper": _cheaper, "greeting": _greeting, "hurry": _hurry,
    "bad_food": _bad_food, "received": _received, "pin": _pin, "forgotten": _forgotten,
    "hungry": _hungry, "open_now": _hours, "first_order": _first_order, "paid_twice": _paid_twice,
    "contact": _contact, "progress": _progress, "wrong_address": _wrong_address,
}
