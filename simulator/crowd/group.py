"""Three who order together: one opens, the others join, each pays, the opener locks.

Some openers save the group, give it up and open it anew by its name; the account calls the others.
"""
import re

from simulator.crowd.bubble import Bubble
from simulator.crowd.student import EATS, Student
from simulator.crowd.town import Town

WAITS_S = 40.0
REOPENS = 0.5
IS_IN, AGAIN = re.compile(r"^进(G\d+)了"), re.compile(r"又开“[^”]+”了：(G\d+)")


class Mate(Student):
    """Joins once there is a code. The order is the group's: its rider knows `group`."""

    def __init__(self, town: Town, name: str, number: int, arrives_s: float) -> None:
        super().__init__(town, name, number, arrives_s)
        self.fate, self.group = EATS, ""
        self.is_in = False

    def order(self) -> None:
        """Nothing on one's own: the opener will call."""

    _order_at_home = order

    def invite(self, group: str) -> None:
        """Called from the opener's thread."""
        self.news.put(Bubble(card="invitation", values=(group,)))

    def hear(self, bubble: Bubble) -> None:
        if bubble.card == "invitation":
            self._join(bubble.values[0])
        elif again := AGAIN.search(bubble.text):
            self._join(again[1])
        else:
            self.is_in = self.is_in or bool(IS_IN.search(bubble.text))
            super().hear(bubble)

    def _join(self, group: str) -> None:
        self.group = self.code = group
        self.is_in = self.has_paid = False
        self.town.ordered(group, self)
        self.later(lambda: self.say(self.words("join_group", group=group)), 1, 5)


class Opener(Mate):
    def __init__(self, town: Town, name: str, number: int, arrives_s: float,
                 mates: list[Mate]) -> None:
        super().__init__(town, name, number, arrives_s)
        self.mates = mates
        for mate in mates:
            mate.dorm, mate.shop = self.dorm, self.shop

    def arrive(self) -> None:
        super().arrive()
        self.later(self._open, self.arrives_s + 8, self.arrives_s + 10)

    def _open(self) -> None:
        self.say(self.words("address"))
        self.say(self.words("open_group", shop=self.shop["name"], until=self.town.clock_in(15)))

    def hear(self, bubble: Bubble) -> None:
        tap = bubble.tap(r"^G\d+我先点$")
        if tap and self.once(f"opened {tap.code}"):
            self._opened(tap.code)
        elif sure := bubble.tap("^确定解散"):
            self.tap_later(sure, 1, 2)
        else:
            super().hear(bubble)

    def _opened(self, group: str) -> None:
        """The others are called, unless the account does it: they were in before."""
        for mate in (*([] if self.group else self.mates), self):
            mate.shop = self.shop
            mate.invite(group)
        if not self.group and self.happens(REOPENS):
            self.later(lambda: self._give_up_and_reopen(0.0), 3, 4)
        else:
            self.later(lambda: self._lock(0.0), 5, 6)

    def _give_up_and_reopen(self, waited_s: float) -> None:
        """Once all are in: who is not is not saved with the group, and nobody would call them."""
        if self.is_done or self.town.is_closing or waited_s > WAITS_S:
            self._lock(waited_s)
        elif all(mate.is_in for mate in (*self.mates, self)):
            name = self.words("group_name")
            self.say(self.words("save_group", group=self.group, title=name))
            self.say(self.words("give_up_group", group=self.group))
            self.later(lambda: self.say(self.words("reopen_group", title=name)), 5, 8)
        else:
            self.later(lambda: self._give_up_and_reopen(waited_s + 2), 2, 2)

    def _lock(self, waited_s: float) -> None:
        """Once all have paid, or some have and it takes too long."""
        if self.is_done:
            return
        if all(mate.has_paid for mate in (*self.mates, self)) or waited_s > WAITS_S:
            self.say(self.words("lock_group", group=self.group))
        else:
            self.later(lambda: self._lock(waited_s + 3), 3, 3)
