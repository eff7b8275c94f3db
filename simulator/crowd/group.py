"""Three who order together: one opens, the others join, each pays, the opener locks."""
from simulator.crowd.bubble import Bubble
from simulator.crowd.student import EATS, Student
from simulator.crowd.town import Town

WAITS_S = 40.0


class Mate(Student):
    """Joins once there is a code. The order is the group's: its rider knows `group`."""

    def __init__(self, town: Town, name: str, number: int, arrives_s: float) -> None:
        super().__init__(town, name, number, arrives_s)
        self.fate, self.group = EATS, ""

    def order(self) -> None:
        """Nothing on one's own: the opener will call."""

    _order_at_home = order

    def invite(self, group: str) -> None:
        """Called from the opener's thread."""
        self.news.put(Bubble(card="invitation", values=(group,)))

    def hear(self, bubble: Bubble) -> None:
        if bubble.card == "invitation":
            self.group = self.code = bubble.values[0]
            self.town.ordered(self.group, self)
            self.later(lambda: self.say(self.words("join_group", group=self.group)), 1, 5)
        else:
            super().hear(bubble)


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
        if (tap := bubble.tap(r"^G\d+我先点$")) and self.once("opened"):
            for mate in (*self.mates, self):
                mate.shop = self.shop
                mate.invite(tap.code)
            self.later(lambda: self._lock(0.0), 5, 6)
        else:
            super().hear(bubble)

    def _lock(self, waited_s: float) -> None:
        """Once all have paid, or some have and it takes too long."""
        if self.is_done:
            return
        if all(mate.has_paid for mate in (*self.mates, self)) or waited_s > WAITS_S:
            self.say(self.words("lock_group", group=self.group))
        else:
            self.later(lambda: self._lock(waited_s + 3), 3, 3)
