"""A plain peer: jieba's words, keywords for intents, exact names for slots: a day's work."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

import jieba

from bot.nlu.lexicon import Lexicon
from bot.nlu.words import shipped_words

# The order decides where several fit.
_CLASSES: Final = (
    "sos", "human", "group.open", "group.join", "group.lock", "group.leave", "refund", "cancel",
    "complain", "urge", "eta", "status", "coupon", "fee", "price", "menu", "rate", "pay", "reorder",
    "invite", "rider_job", "help", "errand.fetch", "errand.print", "errand.buy", "errand.queue")
_INTENTS: Final = {
    "group.open": "group_open", "group.join": "group_join", "group.lock": "group_lock",
    "group.leave": "group_leave", "eta": "query_eta", "status": "query_status",
    "coupon": "query_coupon", "fee": "query_fee", "price": "query_price", "menu": "query_menu",
    "rider_job": "become_rider", "errand.fetch": "order_errand", "errand.print": "order_errand",
    "errand.buy": "order_errand", "errand.queue": "order_errand"}
_ROLES: Final = {
    "rider": {"上线": "rider_online", "下线": "rider_offline", "接": "rider_accept",
              "到店": "rider_arrived", "取": "rider_picked_up", "送到": "rider_delivered"},
    "merchant": {"接": "merchant_accept", "拒": "merchant_reject", "好了": "merchant_ready",
                 "出餐": "merchant_ready", "卖完": "merchant_soldout", "上架": "merchant_restock"}}
_YES: Final = frozenset({
    "对", "好", "好的", "嗯", "可以", "行", "确认", "是", "ok", "没错", "下单"})
_NO: Final = frozenset({"不", "不对", "不是", "等等", "不行", "先等等"})
_AMOUNT: Final = re.compile(r"([一二两三四五六七八九十\d]+)[份个杯碗瓶串根]")


class Keywords:
    """Answers as `understand` does, with intent and slots."""

    def __init__(self, lexicon: Lexicon) -> None:
        self.lexicon = lexicon
        self.cut = jieba.Tokenizer()
        self.dishes = {name: dish.id for dish in lexicon.dishes.values() for name in dish.names}
        self.places = {str(name).lower(): key for key, place in lexicon.places.items()
                       for name in (place["name"], *(place.get("aliases") or ()))}
        for name in (*self.dishes, *self.places):
            self.cut.add_word(name)
        cues = shipped_words().cues
        self.classes = {name: frozenset(cues[name]) for name in _CLASSES}

    def answer(self, text: str, role: str, context: Mapping[str, Any]) -> dict[str, Any]:
        """`{"intent": …, "slots": {…}}`."""
        words = list(self.cut.cut(text.lower()))
        items = [{"dish_id": self.dishes[word], "qty": self._amount(text), "options": []}
                 for word in words if word in self.dishes]
        intent = self._intent(text, words, role, context, bool(items))
        slots: dict[str, Any] = {}
        if intent in ("order_food", "modify_order", "query_price", "query_menu", "group_add"):
            slots["items"] = items
        place = next((self.places[word] for word in words if word in self.places), None)
        if place and intent in ("order_food", "order_errand", "address_set"):
            slots["place_id"] = place
        return {"intent": intent, "slots": {key: value for key, value in slots.items() if value}}

    def _amount(self, text: str) -> float:
        match = _AMOUNT.search(text)
        return self.lexicon.numerals.value(match[1]) or 1 if match else 1

    def _intent(self, text: str, words: list[str], role: str, context: Mapping[str, Any],
                has_items: bool) -> str:
        for word, intent in _ROLES.get(role, {}).items():
            if word in text:
                return intent
        if context.get("pending") and text.strip("!。,吧呀啊 ") in _YES | _NO:
            return "confirm" if text.strip("!。,吧呀啊 ") in _YES else "deny"
        for name, phrases in self.classes.items():
            if any(word in phrases for word in words):
                return _INTENTS.get(name, name)
        if has_items:
            return "modify_order" if context.get("draft") else "order_food"
        if any(word in self.places for word in words):
            return "address_set"
        return "out_of_scope"
