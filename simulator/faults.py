"""Trouble on request: one mechanism for API calls, pushes to the webhook, pay notices and money.

control/troubles.py names the usual ones, for the page and for whoever will not spell them out.
"""
import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from fnmatch import fnmatchcase
from typing import Any

INTERNAL = ("when_off", "is_off")


@dataclass(slots=True)
class Fault:
    """The next `times` happenings at `where` go wrong (None: until it is switched off), after
    `skip` that go well.

    where: an API path ("/cgi-bin/message/custom/send"), "push/<type>" ("push/text",
    "push/event/CLICK"), "notify/transaction", "notify/refund", "notify/transfer", "refund",
    "transfer", "template/report" or a row of a bill ("bill/trade/<商户订单号>",
    "bill/flow/<业务类型>/<业务凭证号>"); * and ? are wildcards. `who`: only when it concerns this
    openid. `label` is what the page and the journal call it.

    API calls: `errcode` (+ `errmsg`), `status` (+ `body`), `delay_s`, `lose_answer` (the work is
    done, but the connection breaks before the answer, or with `status` a gateway's error comes
    in its place), `cut` (nothing is done and the connection breaks), `revoke` (the access token
    in use is dead from now on).
    Pay API calls: `status` with `code` (+ `message`); at a close: `pay_first` (the payer confirms
    just before it).
    Pushes: `drop` (never arrives), `delay_s` (real seconds), `repeat` (so many more times, the
    same message), `lose_answer` (WeChat does not hear the first answer and asks again; with
    `retries` so many answers), `forge` (the first delivery has a wrong signature), `behind` (it
    arrives after so many later ones of the same person).
    Notices: `drop` (this attempt is lost), `delay_s` (of the world's time), `repeat`,
    `lose_answer`, `forge`, `signtest` (a probe comes first), `change` ({"amount.total": 1}:
    sealed and signed, but with other values), `behind` (so many later ones overtake it).
    Refunds and transfers: `outcome` ("ABNORMAL", "CLOSED"; "FAIL" with `code`), `stay` (accepted,
    and stuck until the fault is switched off), `delay_s`.
    Rows of bills: `drop` (it is not in the bill), `change` ({"收支金额(元)": "0.07"}).
    Reports of template messages: `outcome` ("failed:user block").
    """

    where: str
    times: int | None = 1
    skip: int = 0
    who: str = ""
    label: str = ""
    errcode: int | None = None
    errmsg: str = ""
    status: int | None = None
    body: str = ""
    code: str = ""
    message: str = ""
    delay_s: float = 0.0
    lose_answer: bool = False
    retries: int = 1
    cut: bool = False
    revoke: bool = False
    pay_first: bool = False
    drop: bool = False
    repeat: int = 0
    forge: bool = False
    signtest: bool = False
    behind: int = 0
    stay: bool = False
    outcome: str = ""
    change: dict[str, Any] = field(default_factory=dict)
    id: int = 0
    struck: int = 0  # how often it has befallen something
    is_off: bool = False
    when_off: list[Callable[[], object]] = field(default_factory=list)


class Faults:
    """`changed` is called when one was added, used up or switched off."""

    def __init__(self) -> None:
        self._asked: list[Fault] = []
        self._sticking: list[Fault] = []  # used up, but what it holds is not let go yet
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self.changed: Callable[[], object] = lambda: None

    def add(self, where: str, times: int | None = 1, **effect: Any) -> Fault:
        """Ask for a fault. TypeError when an effect is unknown."""
        if unknown := set(effect) & set(INTERNAL):
            raise TypeError(f"{', '.join(sorted(unknown))} cannot be asked for")
        fault = Fault(where, times, **effect)
        fault.label = fault.label or where
        with self._lock:
            fault.id = next(self._ids)
            self._asked.append(fault)
        self.changed()
        return fault

    def take(self, where: str, who: str = "") -> Fault | None:
        """The fault that befalls this happening, or None. Using one up removes it."""
        with self._lock:
            fault = self._struck(where, who)
        if fault:
            self.changed()
        return fault

    def _struck(self, where: str, who: str) -> Fault | None:
        for fault in self._asked:
            if not fnmatchcase(where, fault.where) or fault.who not in ("", who):
                continue
            if fault.skip > 0:
                fault.skip -= 1
                return None
            fault.struck += 1
            if fault.times is not None:
                fault.times -= 1
                if fault.times <= 0:
                    self._asked.remove(fault)
                    if fault.stay:
                        self._sticking.append(fault)
            return fault
        return None

    def clear(self) -> None:
        """Switch all of them off."""
        with self._lock:
            gone = [*self._asked, *self._sticking]
            self._asked.clear()
            self._sticking.clear()
        _let_go(gone)
        self.changed()

    def remove(self, fault_id: int) -> bool:
        """Switch one off; what it held back goes on. False: there was none of that id."""
        with self._lock:
            gone = [f for f in (*self._asked, *self._sticking) if f.id == fault_id]
            self._asked = [f for f in self._asked if f.id != fault_id]
            self._sticking = [f for f in self._sticking if f.id != fault_id]
        _let_go(gone)
        self.changed()
        return bool(gone)

    def listed(self) -> list[dict[str, Any]]:
        """Those that are on, oldest first, by their effects alone."""
        with self._lock:
            return [_told(fault) for fault in (*self._asked, *self._sticking)]


def _told(fault: Fault) -> dict[str, Any]:
    """Id, place and count always; of the effects those that are asked for."""
    always = ("id", "where", "times", "label", "struck")
    return {f.name: getattr(fault, f.name) for f in fields(Fault)
            if f.name in always
            or (f.name not in INTERNAL and getattr(fault, f.name) not in
                (None, "", False, 0, 0.0, {}) and (f.name, getattr(fault, f.name))
                != ("retries", 1))}


def _let_go(gone: list[Fault]) -> None:
    for fault in gone:
        fault.is_off = True
        for release in fault.when_off:
            release()
        fault.when_off.clear()


class Held:
    """What waits for later ones to overtake it, by key. `release_s`: the longest it waits."""

    def __init__(self, after: Callable[[float, Callable[[], None]], None],
                 release_s: float = 20.0) -> None:
        self._after, self._release_s = after, release_s
        self._waiting: dict[str, list[list[Any]]] = {}
        self._lock = threading.Lock()

    def hold(self, key: str, behind: int, job: Callable[[], None]) -> None:
        entry: list[Any] = [behind, job]
        with self._lock:
            self._waiting.setdefault(key, []).append(entry)
        self._after(self._release_s, lambda: self._go(key, entry))

    def passed(self, key: str) -> None:
        """One went by. Those that have been overtaken often enough follow it."""
        with self._lock:
            waiting = self._waiting.get(key, [])
            for entry in waiting:
                entry[0] -= 1
            due = [entry for entry in waiting if entry[0] <= 0]
        for entry in due:
            self._after(0.0, lambda entry=entry: self._go(key, entry))  # type: ignore[misc]

    def _go(self, key: str, entry: list[Any]) -> None:
        with self._lock:
            if entry not in self._waiting.get(key, []):
                return
            self._waiting[key].remove(entry)
        entry[1]()
