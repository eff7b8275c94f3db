"""python -m simulator.crowd --sim URL --campus FILE --people N [--seed S] [--minutes M]

Prints what is said, a line each. Ends when everybody has eaten or gone home, at the latest
AFTER_S after the lunch; status 0 when nobody was left standing.
"""
import argparse
import signal
import sys
import threading
import time
from collections.abc import Sequence

from simulator.crowd import town as towns
from simulator.crowd.bubble import of_event
from simulator.crowd.group import Mate, Opener
from simulator.crowd.merchant import Merchant
from simulator.crowd.operator import Operator
from simulator.crowd.person import Person
from simulator.crowd.phone import PhoneTrouble, ask
from simulator.crowd.rider import Rider
from simulator.crowd.student import Student
from simulator.crowd.town import Cast, Town, cast, read_campus

APART_S = 3.0  # between two students at the door
LUNCH_S, AFTER_S = 60.0, 180.0
GROUP_OF, GROUP_AMONG = 3, 8  # of eight students three order together


def main() -> int:
    told = _arguments()
    people, campus = cast(told.people), read_campus(told.campus)
    shops = [shop for shop in campus["shops"] if len(shop["dishes"]) > 2]
    lunch_s = told.minutes * 60 or LUNCH_S + APART_S * len(people.students)
    town = Town(told.sim, campus, shops, until=time.monotonic() + lunch_s, seed=told.seed,
                say=_print)
    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, lambda *_: town.over.set())
    everybody = gather(town, people)
    town.students += [person for person in everybody if isinstance(person, Student)]
    threading.Thread(target=_carry_news, args=(town, everybody), daemon=True).start()
    for person in everybody:
        person.thread.start()
    left = _wait(town, everybody, lunch_s + AFTER_S)
    town.over.set()
    return 1 if left else 0


def gather(town: Town, people: Cast) -> Sequence[Person]:
    """Cooks and riders first: they are there when the students come."""
    staff: list[Person] = [Operator(town, people.operator)]
    staff += [Merchant(town, name) for name in people.merchants]
    alone = len(people.riders) < 3
    staff += [Rider(town, name, is_alone=alone) for name in people.riders]
    return [*staff, *_students(town, people.students)]


def _students(town: Town, names: Sequence[str]) -> list[Student]:
    """Each comes a little after the one before. The first of eight opens a group for three."""
    together: list[Student] = []
    alone: list[Student] = []
    for n, name in enumerate(names):
        start, arrives_s = n - n % GROUP_AMONG, n * APART_S
        if n - start >= GROUP_OF or start + GROUP_AMONG > len(names):
            alone.append(Student(town, name, len(alone), arrives_s))
        elif n == start:
            mates = [Mate(town, mate, 0, (n + m) * APART_S)
                     for m, mate in enumerate(names[n + 1:n + GROUP_OF], 1)]
            together += [Opener(town, name, 0, arrives_s, mates), *mates]
    return [*together, *alone]


def _carry_news(town: Town, everybody: Sequence[Person]) -> None:
    """One listener for all phones; each hears its own."""
    ears = {person.phone.id: person.news for person in everybody}
    after = int(ask("GET", f"{town.sim_url}/sim/state").json()["events"])
    while not town.over.is_set():
        try:
            told = ask("GET", f"{town.sim_url}/sim/events",
                       params={"after": after, "wait": 5}).json()
        except PhoneTrouble:
            town.over.wait(1)
            continue
        after = told["last"]
        for event in told["events"]:
            bubble = of_event(event)
            if bubble and event["phone"] in ears:
                ears[event["phone"]].put(bubble)


def _wait(town: Town, everybody: Sequence[Person], at_most_s: float) -> list[Person]:
    """Until all students are done, and nobody waits for money; those left when time is up."""
    deadline = time.monotonic() + at_most_s
    while left := [person for person in everybody if person.awaits_money or (
            isinstance(person, Student) and not person.is_done)]:
        if time.monotonic() > deadline or town.over.wait(0.5):
            break
    return left


def _print(line: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulator.crowd", description=__doc__)
    parser.add_argument("--sim", required=True, help="the simulator's address")
    parser.add_argument("--campus", required=True, help="the campus file that was loaded")
    parser.add_argument("--people", type=int, required=True,
                        help=f"how many come, {towns.FEWEST} at least")
    parser.add_argument("--seed", type=int, default=0, help="who does what")
    parser.add_argument("--minutes", type=float, default=0.0, help="how long orders are made")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
