"""Trouble on request: one mechanism for API calls, pushes to the webhook and pay notices."""
import threading
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatchcase
from typing import Any


@dataclass(slots=True)
class Fault:
    """The next `times` happenings at `where` go wrong, after `skip` that go well.

    where: an API path ("/cgi-bin/message/custom/send"), "push/<type>" ("push/text",
    "push/event/CLICK"), or "notify/transaction" and "notify/refund"; * and ? are wildcards.

    API calls: `errcode` (+ `errmsg`), `status` (+ `body`), `delay_s`, `lose_answer` (the work is
    done, but the connection breaks before the answer, or with `status` a gateway's error comes
    in its place), `cut` (nothing is done and the connection breaks).
    Pay API calls: `status` with `code` (+ `message`).
    Pushes: `drop` (never arrives), `delay_s` (real seconds), `repeat` (so many more times, the
    same message), `lose_answer` (WeChat does not hear the first answer and asks again), `forge`
    (the first delivery has a wrong signature).
    Notices: `drop` (this attempt is lost), `delay_s` (of the world's time), `repeat`,
    `lose_answer`, `forge`, `signtest` (a probe comes first), `change` ({"amount.total": 1}:
    sealed and signed, but with other values).
    """

    where: str
    times: int = 1
    skip: int = 0
    errcode: int | None = None
    errmsg: str = ""
    status: int | None = None
    body: str = ""
    code: str = ""
    message: str = ""
    delay_s: float = 0.0
    lose_answer: bool = False
    cut: bool = False
    drop: bool = False
    repeat: int = 0
    forge: bool = False
    signtest: bool = False
    change: dict[str, Any] = field(default_factory=dict)


class Faults:
    def __init__(self) -> None:
        self._asked: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, where: str, times: int = 1, **effect: Any) -> Fault:
        """Ask for a fault. TypeError when an effect is unknown."""
        fault = Fault(where, times, **effect)
        with self._lock:
            self._asked.append(fault)
        return fault

    def take(self, where: str) -> Fault | None:
        """The fault that befalls this happening, or None. Using one up removes it."""
        with self._lock:
            for fault in self._asked:
                if not fnmatchcase(where, fault.where):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                if fault.times <= 0:
                    self._asked.remove(fault)
                return fault
        return None

    def clear(self) -> None:
        with self._lock:
            self._asked.clear()

    def listed(self) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(fault) for fault in self._asked]
