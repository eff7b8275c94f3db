"""Whoever is on duty: looks at what waits for a person, and says yes."""
from simulator.crowd.bubble import Bubble
from simulator.crowd.person import Person


class Operator(Person):
    role = "operator"

    def arrive(self) -> None:
        if not self.phone.follows:
            self.phone.follow()
        self.say(self.words("here"))

    def hear(self, bubble: Bubble) -> None:
        if tap := bubble.tap(r"^学生通过\d|同意赔$"):
            self.tap_later(tap, 2, 5)
