"""A rider: on duty, takes offers, says each step, asks for the code at the door."""
from typing import TYPE_CHECKING

from simulator.crowd.bubble import Bubble
from simulator.crowd.person import Person
from simulator.crowd.town import Town

if TYPE_CHECKING:
    from simulator.crowd.student import Student

DECLINES, MISREADS = 0.1, 0.05
MOST_KNOCKS = 60
WITHDRAWS_AFTER = 3  # deliveries


class Rider(Person):
    role = "rider"

    def __init__(self, town: Town, name: str, *, is_alone: bool = False) -> None:
        super().__init__(town, name)
        self.is_alone = is_alone
        self.in_hand: set[str] = set()
        self.at_shop: set[str] = set()
        self.delivered = 0

    def arrive(self) -> None:
        if not self.phone.follows:
            self.phone.follow()
        self.later(lambda: self.say(self.words("online")), 0, 4)

    def hear(self, bubble: Bubble) -> None:
        if link := bubble.link("/r/"):
            self.later(lambda: self._receive(link), 1, 3)
        elif offer := bubble.tap(r"^接[A-Z]\d"):
            no, is_ours = bubble.tap(r"^不接[A-Z]\d"), bool(self.town.buyers(offer.code))
            declines = not is_ours or (not self.is_alone and self.happens(DECLINES))
            self.tap_later(no if declines and no else offer, 2, 6)
        elif tap := bubble.tap("到店$"):
            self._take(tap.code)
        elif tap := bubble.tap("取到$"):
            self._wait_for_food(tap.code)
        elif tap := bubble.tap(r"^[A-Z]\d+ \d{4}$"):
            self.tap_later(tap, 1, 2)  # two bags with one code: any of them
        elif (tap := bubble.tap(r"[A-Z]\d+到了$")) and self.once(f"go {tap.code}"):
            code = tap.code
            self.later(lambda: self._arrive(code), 4, 10)

    def _take(self, code: str) -> None:
        if self.once(f"take {code}"):
            self.in_hand.add(code)
            self.later(lambda: self._come_to_shop(code), 3, 8)

    def _come_to_shop(self, code: str) -> None:
        self.at_shop.add(code)
        self.say(f"{code}到店")

    def _wait_for_food(self, code: str) -> None:
        if self.once(f"wait {code}"):
            self.later(lambda: self._look_at_counter(code), 1, 3)

    def _look_at_counter(self, code: str) -> None:
        if code in self.town.counter & self.at_shop:
            self.say(f"{code}取到")
        elif self.town.buyers(code):
            self.later(lambda: self._look_at_counter(code), 2, 3)

    def _arrive(self, code: str) -> None:
        self.say(f"{code}到了")
        for student in self.town.buyers(code):
            self._meet(code, student)

    def _meet(self, code: str, student: "Student") -> None:
        self.later(lambda: self._ask(code, student, 0), 2, 5)

    def _ask(self, code: str, student: "Student", knocks: int) -> None:
        """The student reads the code out, once it has come. A slip of the ear is said again."""
        pin = student.read_out()
        if student.is_done or knocks > MOST_KNOCKS:
            self.in_hand.discard(code)
        elif not pin:
            self.later(lambda: self._ask(code, student, knocks + 1), 1, 3)
        elif self.happens(MISREADS) and self.once(f"misread {code}"):
            self._give(code, f"{(int(pin) + 1) % 10_000:04d}")
            self.later(lambda: self._ask(code, student, knocks + 1), 3, 5)
        elif self._give(code, pin):
            student.receive()
            self.in_hand.discard(code)
            self._has_delivered()
        else:
            self.later(lambda: self._ask(code, student, knocks + 1), 3, 5)

    def _has_delivered(self) -> None:
        """Now and then a rider wants what was earned so far."""
        self.delivered += 1
        if self.delivered % WITHDRAWS_AFTER == 0:
            self.awaits_money = True
            self.later(self._withdraw, 1, 2)

    def _withdraw(self) -> None:
        """Said again where it was not taken up: somebody in a hurry had said too much."""
        answer = self.say(self.words("withdraw"))
        if "就能领" in answer.text:
            self.awaits_money = False
        elif "在路上" not in answer.text and not answer.link("/r/"):
            self.later(self._withdraw, 25, 30)

    def _receive(self, link: str) -> None:
        self.phone.receive(link)
        self.awaits_money = False

    def _give(self, code: str, pin: str) -> bool:
        """Say the four digits; whether they were taken. An opener's give out a whole group's."""
        kind = "code_of" if len(self.in_hand) > 1 else "code"
        answer = self.say(self.words(kind, code=code, pin=pin)).text
        if f"{code}完成" in answer:
            for student in self.town.buyers(code):
                student.receive()
        return "✓" in answer
