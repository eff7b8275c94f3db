"""A student: orders in a sentence, changes minds, pays or does not, waits, asks, eats."""
import re
import threading
from typing import Any

from simulator.crowd.bubble import CODE, Bubble
from simulator.crowd.person import Person
from simulator.crowd.town import Town

EATS, PAYS_LATE, NEVER_PAYS = "eats", "pays late", "never pays"
DROPS, CANCELS, ASKS_BACK = "drops the draft", "cancels", "asks the kitchen"
FRIEND_PAYS, COMPLAINS = "a friend pays", "complains"
FATES = (EATS, CANCELS, NEVER_PAYS, COMPLAINS, PAYS_LATE, EATS, ASKS_BACK, FRIEND_PAYS, DROPS, EATS)
IS_NEW, CHANGES, ASKS, CHATS = 0.5, 0.35, 0.5, 0.15
VERIFIES, INVITES = 0.3, 0.4
ASKED, RECEIVED, FED = "a friend asks", "the bag", "no hunger"  # said and given without WeChat
PIN = re.compile(r"取餐码 ?(\d{4})")
ENDED = re.compile("已取消|没接|自动关了|送到了|没有进行中的单|完成")


class Student(Person):
    """`code`: of the order, once there is one. The rider may ask for `pin` from another thread."""

    role = "student"

    def __init__(self, town: Town, name: str, number: int, arrives_s: float) -> None:
        super().__init__(town, name)
        self.fate = FATES[number % len(FATES)]
        self.arrives_s = arrives_s
        self.dorm = self.chance.choice(town.dorms())
        self.room = str(self.chance.randint(1, 6) * 100 + self.chance.randint(1, 30))
        self.shop = self.chance.choice(town.shops)
        self.code = self.pin = ""
        self.has_paid = self.is_giving_up = self.has_eaten = False
        self._at_the_door = threading.Lock()

    @property
    def place(self) -> str:
        return str(self.chance.choice([self.dorm["name"], *self.dorm["aliases"][:2]]))

    def words(self, kind: str, **told: Any) -> str:
        dish = self.chance.choice(self.shop["dishes"])["name"]
        return super().words(kind, dish=dish, place=self.place, room=self.room, **told)

    # coming, and ordering

    def arrive(self) -> None:
        self.later(self._come, self.arrives_s, self.arrives_s + 1)
        self.later(self._go_home, 5, 6)

    def _come(self) -> None:
        """Half of them scan the poster at their door; the others name the place themselves. Who
        was invited scans a friend's code."""
        if self.phone.follows:
            self.later(self.order, 0, 1)
            return
        if scene := self.town.invitation():
            self.phone.follow(scene)
            self.later(self.order, 1, 3)
            return
        reads_poster = self.happens(IS_NEW)
        self.phone.follow(f"b_{self.dorm['id']}" if reads_poster else None)
        if reads_poster:
            self.later(lambda: self.say(self.words("room")), 1, 3)
        elif self.happens(0.5):
            self.later(lambda: self.say(self.words("address")), 1, 3)
        else:
            self.later(self.order, 1, 3)
            return
        self.later(self._order_at_home, 4, 7)

    def order(self) -> None:
        self.say(self.words("order"))

    def _order_at_home(self) -> None:
        self.say(self.words("order_at_home"))

    # reading

    def hear(self, bubble: Bubble) -> None:
        self._note(bubble)
        if self.is_done:
            return
        if pay := bubble.link("/p/"):
            self._asked_to_pay(pay)
        elif treat := bubble.link("/d/"):
            self._forward(treat, is_mine=bubble.card != ASKED)
        elif bubble.card == RECEIVED:
            self.later(lambda: self.say(self.words("complain", code=self.code)), 3, 6)
        elif bubble.card == FED:
            self.later(lambda: self.say(self.words("invite")), 1, 3)
        elif invitation := bubble.link("/i/"):
            self.town.invitations.put("u_" + invitation.rpartition("/")[2])
            self.is_done = True
        elif "学号+姓" in bubble.text and self.once("number"):
            self.later(self._show_number, 1, 3)
        elif tap := bubble.tap("退款$|赔付$|找回$"):
            self.tap_later(tap, 2, 5)
        elif tap := bubble.tap("^确认[A-Z]"):
            self._quoted(tap.code, bubble)
        elif tap := bubble.tap("^确定取消|申请退$|去掉|自取$|拿到了$|^确定退出"):
            some = [t for t in bubble.taps if t.code == tap.code and "去掉" in tap.content]
            self.tap_later(self.chance.choice(some or [tap]), 1, 4)
        elif "送到哪" in bubble.text and "·" not in bubble.text and not self.has_paid:
            self.later(lambda: self.say(self.words("place_only")), 1, 3)
        elif bubble.tap("^[^A-Z]*的[^A-Z]+$") and not self.code:
            self.tap_later(bubble.taps[0], 1, 3)
        elif "菜单" in bubble.text and not self.code and self.once("another"):
            self.shop = self.chance.choice(self.town.shops)
            self.later(self.order, 1, 3)

    def _note(self, bubble: Bubble) -> None:
        """The hand-over code, wherever it stands; and whether all is over."""
        if bubble.card == "arrived":
            self.pin = next((v for v in bubble.values if re.fullmatch(r"\d{4}", v)), self.pin)
        elif bubble.card == "refunded" and (self.is_giving_up or self.has_eaten):
            self.is_done = True
        elif bubble.card == "paid":
            self.has_paid = True
        elif found := PIN.search(bubble.text):
            self.pin = found[1]
        if self.has_eaten:
            return
        if self.code and ENDED.search(bubble.text) and self.code in (bubble.text or ""):
            self.is_done = True
        if "没有进行中的单" in bubble.text and self.code:
            self.is_done = True

    def _quoted(self, code: str, bubble: Bubble) -> None:
        self.code = code
        self.town.ordered(code, self)
        if self.is_giving_up:
            return
        if self.happens(CHANGES) and self.once("change"):
            self.later(lambda: self.say(self.words("change")), 1, 4)
        elif self.fate == DROPS:
            self.later(self.give_up, 2, 5)
        elif tap := bubble.tap("^确认[A-Z]"):
            self.tap_later(tap, 1, 4)

    # paying

    def _asked_to_pay(self, link: str) -> None:
        if self.has_paid or self.is_giving_up or not self.once(f"pay {link}"):
            return
        if self.fate == NEVER_PAYS:
            self.later(self.give_up, 15, 30)
        elif self.fate == PAYS_LATE:
            self.later(lambda: self._pay(link), 10, 20)
        elif self.fate == FRIEND_PAYS and self.once("friend"):
            self.later(lambda: self.say(self.words("ask_friend", code=self.code)), 2, 4)
            self.later(self._pay_after_all, 30, 35)
        else:
            self.later(lambda: self._pay(link), 1, 4)

    def _pay(self, link: str) -> None:
        if self.is_giving_up or not self.phone.pay(link):
            return
        self.has_paid = True
        self.town.say(f"{self.name}: ¥ {self.code}")
        self.later(self._wait, 8, 20)
        if self.fate == CANCELS:
            self.later(self.give_up, 0.5, 1)
        elif self.fate == ASKS_BACK:
            self.later(self.give_up, 8, 12)

    def _forward(self, link: str, *, is_mine: bool) -> None:
        """The link that pays for somebody: one's own goes to a friend, a friend's is paid."""
        if is_mine:
            self.town.friend_of(self).news.put(Bubble(links=(link,), card=ASKED))
        elif self.once(f"pay {link}"):
            self.later(lambda: self.phone.pay(self.phone.take(link)), 2, 5)

    def _pay_after_all(self) -> None:
        """The friend did not: a new link for oneself."""
        if not (self.has_paid or self.is_done or self.is_giving_up):
            self.say(self.words("pay_myself", code=self.code))

    def _wait(self) -> None:
        """Ask now and then: what the answer says may end the waiting."""
        if self.is_done or self.has_eaten:
            return
        if self.happens(VERIFIES) and self.once("verify"):
            self.say(self.words("verify"))
        elif self.happens(CHATS):
            self.say(self.words("chatter"))
        elif self.happens(ASKS) or self.town.is_closing:
            self.say(self.words("where"))
        self.later(self._wait, 12, 25)

    def _show_number(self) -> None:
        number = f"2023{self.chance.randint(0, 999_999):06d}"
        self.say(self.words("number", number=number, surname=self.name[0]))

    # ending

    def give_up(self) -> None:
        """Say so; what follows is tapped as it is offered. Once paid, the answer is waited for."""
        self.is_giving_up = True
        bubble = self.say(self.words("cancel" if not self.has_paid else "wishes_to_cancel",
                                     code=self.code))
        if not self.has_paid and CODE.search(bubble.text) and "取消了" in bubble.text:
            self.is_done = True

    def _go_home(self) -> None:
        """Late at lunch, whoever still has not paid gives up; who never ordered just leaves."""
        if self.town.is_closing and not self.has_paid:
            if not self.code:
                self.is_done = True
                return
            self.give_up()
        if self.town.is_closing and self.has_eaten:
            self.is_done = True
        if not self.is_done:
            self.later(self._go_home, 5, 8)

    def read_out(self) -> str:
        """What the rider hears at the door; "" where no code has come yet."""
        if not self.pin and self._at_the_door.acquire(blocking=False):
            self.later(self._look_it_up, 0, 1)
        return self.pin

    def _look_it_up(self) -> None:
        try:
            if not self.pin:
                self.say(f"{self.code}到哪了")
        finally:
            self._at_the_door.release()

    def receive(self) -> None:
        """Called from the rider's thread. Most go home happy."""
        self.has_eaten = True
        if self.fate == COMPLAINS:
            self.news.put(Bubble(card=RECEIVED))
        elif self.happens(INVITES):
            self.news.put(Bubble(card=FED))
        else:
            self.is_done = True
