"""A cook: takes orders or does not, runs out of things, calls riders."""
from simulator.crowd.bubble import Bubble
from simulator.crowd.person import Person

REJECTS, LACKS, IS_LATE = 0.06, 0.08, 0.06


class Merchant(Person):
    role = "merchant"

    def arrive(self) -> None:
        if not self.phone.follows:
            self.phone.follow()

    def hear(self, bubble: Bubble) -> None:
        if bubble.card == "merchant_order" or bubble.tap(r"^接[A-Z]\d"):
            self._new_order(bubble)
        elif tap := bubble.tap("出餐$"):
            self._cook(tap.code)
        elif bubble.tap("全退$"):
            self.tap_later(self.chance.choice(bubble.taps), 2, 5)
        elif bubble.tap(r"^[A-Z]\d+缺"):
            self._runs_out(bubble)
        elif tap := bubble.tap("停30分钟$"):
            self.tap_later(tap, 2, 4)

    def _new_order(self, bubble: Bubble) -> None:
        tap = bubble.tap(r"^接[A-Z]\d")
        code = tap.code if tap else bubble.code
        if not code or not self.once(f"order {code}"):
            return
        if tap and self.happens(0.7) and not self._is_odd(code):
            self.tap_later(tap, 1, 4)
        else:
            kind = self._decision(code)
            self.later(lambda: self.say(self.words(kind, code=code)), 1, 4)

    def _is_odd(self, code: str) -> bool:
        return self._decision(code) != "accept"

    def _decision(self, code: str) -> str:
        """The same each time it is asked: a group is taken as it is."""
        odds = self.town.chance(f"{self.name} {code}").random()
        if code.startswith("G") or odds >= REJECTS + LACKS + IS_LATE:
            return "accept"
        return "reject" if odds < REJECTS else "lacks" if odds < REJECTS + LACKS else "later"

    def _cook(self, code: str) -> None:
        if self.once(f"cook {code}"):
            self.later(lambda: self._put_on_counter(code), 4, 12)

    def _put_on_counter(self, code: str) -> None:
        self.town.counter.add(code)
        self.say(self.words("cooked", code=code))

    def _runs_out(self, bubble: Bubble) -> None:
        """What ran out is said; the rest is cooked, and something takes its place."""
        tap = self.chance.choice(bubble.taps)
        self.tap_later(tap, 1, 3)
        self._cook(tap.code)
