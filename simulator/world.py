"""The world of one simulator: accounts, people with phones, their chats and their money.

Everything is guarded by `World.lock`. What people do stands in deeds.py.
"""
import itertools
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from simulator import official_push
from simulator.credentials import Credentials, openid_for
from simulator.deeds import Deeds, PhoneRef
from simulator.faults import Faults, Held
from simulator.journal import Journal
from simulator.message_templates import default_templates
from simulator.schedule import Schedule
from simulator.state import (
    AccessToken,
    Account,
    Knobs,
    Order,
    Phone,
    PlatformCertificate,
    Prepay,
    Refund,
    Share,
    Transfer,
)
from simulator.store import Store

Event = dict[str, Any]


class UnknownPhone(LookupError):
    """No phone has that id, openid or name."""


class World(Deeds):
    """One simulated WeChat. `webhook` may hold {app_id}; `directory` keeps it across restarts."""

    def __init__(self, credentials: Credentials, webhook: str = "",
                 directory: str | Path | None = None, *, knobs: Knobs | None = None,
                 clock: Callable[[], float] = time.time) -> None:
        self.credentials, self.webhook, self.base_url = credentials, webhook, ""
        self.knobs, self.faults, self.journal = knobs or Knobs(), Faults(), Journal()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.schedule = Schedule(clock)
        self.held = Held(self.schedule.after)
        self.store = Store(Path(directory) / "world.sqlite" if directory else None)
        self.accounts: dict[str, Account] = {}
        self.phones: dict[str, Phone] = {}
        self._openids: dict[str, Phone] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.orders: dict[str, Order] = {}
        self.prepays: dict[str, Prepay] = {}
        self.refunds: dict[str, Refund] = {}
        self.transfers: dict[str, Transfer] = {}
        self.shares: dict[str, Share] = {}
        self.receivers: dict[str, dict[str, str]] = {}  # 分账: "type account" → what was added
        self.certificates: dict[str, PlatformCertificate] = {}
        self.bill_files: dict[str, tuple[float, bytes, bool]] = {}  # until, content, as GZIP
        self.media: dict[str, dict[str, Any]] = {}
        self.media_bytes: dict[str, bytes] = {}
        self.qr_tickets: dict[str, dict[str, Any]] = {}
        self.jsapi_tickets: dict[str, dict[str, Any]] = {}
        self.oauth_codes: dict[str, dict[str, Any]] = {}
        self.oauth_tokens: dict[str, dict[str, Any]] = {}
        self.sent_templates: dict[str, dict[str, Any]] = {}
        self.web_ports: dict[str, int] = {}  # phone id → its in-app browser's port
        self.counts: dict[str, int] = {}  # "2026-11-22 token wx…" → calls that day
        self.forced_refreshes: dict[str, float] = {}  # app id → the last one's moment
        self.refusals: Counter[str] = Counter()  # "path errcode" → how often
        self.rids: dict[str, dict[str, Any]] = {}  # of refused calls
        self.sent_notices: dict[str, float] = {}
        self.marked: dict[str, tuple[int, float]] = {}  # app id → failed pushes, silent until
        self._events: list[Event] = []
        self._serials = itertools.count(int(time.time() * 1000) * 10_000)
        self._restore()
        if credentials.app_id not in self.accounts:
            self.add_account(credentials.app_id, credentials.secret, credentials.token,
                             credentials.aes_key, credentials.original_id)

    # time

    def now(self) -> float:
        """Seconds since the epoch, by this world's clock."""
        return self.schedule.now()

    def advance(self, seconds: float) -> None:
        """Let that much time pass at once; what falls due meanwhile starts right away."""
        self.schedule.advance(seconds)

    def settle(self, within_s: float = 10.0, ahead_s: float = 0.0) -> bool:
        """Wait for whatever is due now (or within `ahead_s`) to have happened."""
        return self.schedule.settle(within_s, ahead_s)

    def wire_now(self) -> float:
        """The clock that timestamps signatures: the real one, unless the knobs say otherwise."""
        base = self.now() if self.knobs.wire_follows_world else time.time()
        return base + self.knobs.wire_skew_s

    def close(self) -> None:
        """Stop the clock's thread and the phones' browsers, and let go of the file."""
        from simulator import webview

        self.schedule.close()
        webview.stop(self)
        with self.lock:
            self.store.close()

    # accounts and people

    def add_account(self, app_id: str, secret: str, token: str, aes_key: str | None,
                    original_id: str, mode: str | None = None) -> Account:
        """Register an official account. Without an AES key its pushes are plain."""
        account = Account(app_id, secret, token, aes_key, original_id,
                          mode=mode or ("safe" if aes_key else "plain"),
                          templates=default_templates())
        with self.lock:
            self.accounts[app_id] = account
            self.save(account)
        return account

    @property
    def account(self) -> Account:
        """The default account, the one of the credentials."""
        return self.accounts[self.credentials.app_id]

    def handshake(self, app_id: str | None = None) -> bool:
        """Whether the account's server answers the GET that saving its address sends."""
        return official_push.handshake(self, app_id or self.credentials.app_id)

    def webhook_for(self, app_id: str) -> str:
        return self.webhook.replace("{app_id}", app_id)

    def add_phone(self, name: str, role: str = "other", followed: bool = True,
                  app_id: str | None = None) -> Phone:
        """The phone of `name`, made if there is none. A follower from before: nothing is pushed.

        For someone who follows just now, and whom the account greets, add and then `follow`.
        """
        app_id = app_id or self.credentials.app_id
        openid = openid_for(app_id, name)
        with self.lock:
            if known := self._openids.get(openid):
                return known
            phone = Phone(str(len(self.phones) + 1), name, role, openid, app_id, followed,
                          int(self.now()) if followed else 0)
            self._take_in(phone)
            self.save(phone)
        return phone

    def _take_in(self, phone: Phone) -> None:
        self.phones[phone.id] = self._openids[phone.openid] = phone

    def phone(self, ref: PhoneRef) -> Phone:
        """A phone by itself, its id, its person's name or openid. Raises UnknownPhone."""
        if isinstance(ref, Phone):
            return ref
        with self.lock:
            found = self.phones.get(ref) or self._openids.get(ref) or next(
                (p for p in self.phones.values() if p.name == ref), None)
        if found is None:
            raise UnknownPhone(ref)
        return found

    def user(self, account: Account, openid: Any) -> Phone | None:
        """Whom `account` knows by that openid: an openid of another account is nobody."""
        with self.lock:
            found = self._openids.get(openid) if isinstance(openid, str) else None
        return found if found and found.app_id == account.app_id else None

    # what is kept

    def open_window(self, phone: Phone, trigger: str) -> None:
        """Allow the account to write: trigger message, tap, follow or scan. Under the lock."""
        k = self.knobs
        lasts, quota = (k.message_window_s, k.message_quota) if trigger == "message" \
            else (k.brief_window_s, k.brief_quota)
        phone.windows[trigger] = [self.now() + lasts, quota]
        self.save(phone)

    def record(self, phone: Phone, type_: str, /, **what: Any) -> Event:
        """Add to what the phone shows, and wake whoever waits for news."""
        with self.lock:
            event = {"seq": len(self._events) + 1, "at": self.now(), "phone": phone.id,
                     "type": type_, **what}
            self._events.append(event)
            self.store.put("event", str(event["seq"]), event)
            self.changed.notify_all()
        return event

    def events(self, after: int = 0, phone: PhoneRef | None = None,
               wait_s: float = 0.0) -> list[Event]:
        """What the phones show since `after` (a seq), waiting up to `wait_s` for the first."""
        only = self.phone(phone).id if phone is not None else None
        deadline = time.monotonic() + wait_s
        with self.lock:
            while not (news := [e for e in self._events[max(after, 0):]
                                if only in (None, e["phone"])]):
                left = deadline - time.monotonic()
                if left <= 0:
                    break
                self.changed.wait(left)
            return [dict(e) for e in news]

    @property
    def last_seq(self) -> int:
        """The seq of the newest event."""
        return len(self._events)

    def heard(self, ref: PhoneRef, after: int = 0) -> list[Event]:
        """What this phone heard from the account: replies, messages, templates, grey lines."""
        return [e for e in self.events(after, ref) if e["type"] in ("heard", "template", "notice")]

    def note(self, kind: str, **what: Any) -> None:
        self.journal.write(kind, self.now(), **what)

    def next_id(self) -> int:
        """A 64-bit number not used before: MsgId, msgid, parts of WeChat Pay's numbers."""
        return next(self._serials)

    def add_media(self, kind: str, content: bytes) -> str:
        """Keep a temporary material (three days); returns its media_id."""
        media_id = f"{kind[0]}{self.next_id()}"
        with self.lock:
            self.media[media_id] = {"type": kind, "until": self.now() + 3 * 86400}
            self.media_bytes[media_id] = content
        return media_id

    def is_expired_scene(self, app_id: str, scene: str) -> bool:
        """Whether this scene was only ever on temporary codes, and all of them have lapsed."""
        with self.lock:
            codes = [code for code in self.qr_tickets.values()
                     if code["app_id"] == app_id and code["scene"] == scene]
            return bool(codes) and all(
                code["until"] is not None and code["until"] <= self.now() for code in codes)

    def scene_of(self, said: str) -> str | None:
        """The scene of a code by what its picture says; None when it is no code of ours."""
        from simulator import qr_codes

        with self.lock:
            return next((code["scene"] for ticket, code in self.qr_tickets.items()
                         if qr_codes.address(ticket) == said), None)

    def ticket_for(self, app_id: str, scene: str) -> str:
        """The ticket of the newest QR code with that scene; one is made up where there is none."""
        with self.lock:
            for ticket, code in reversed(self.qr_tickets.items()):
                if code["app_id"] == app_id and code["scene"] == scene:
                    return ticket
            return self.add_ticket(app_id, scene, None)

    def add_ticket(self, app_id: str, scene: str, until: float | None) -> str:
        ticket = f"gQ{self.next_id():x}{quote(scene, safe='')[:16].replace('%', 'x')}=="
        with self.lock:
            self.qr_tickets[ticket] = {"app_id": app_id, "scene": scene, "until": until}
            self.store.put("qr", ticket, self.qr_tickets[ticket])
        return ticket

    def count(self, what: str) -> int:
        """How often `what` has happened today, this time included. Under the lock."""
        key = f"{self.today()} {what}"
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

    def today(self) -> str:
        """The date in China, YYYY-MM-DD."""
        return time.strftime("%Y-%m-%d", time.gmtime(self.now() + 8 * 3600))

    def save(self, record: Any) -> None:
        """Keep a changed record across restarts. Under the lock."""
        for kind, (cls, _, key) in _KINDS.items():
            if type(record) is cls:
                self.store.put(kind, getattr(record, key), record)

    def _restore(self) -> None:
        for kind, (cls, shelf, _) in _KINDS.items():
            known = {field.name for field in fields(cls)}  # an older file may have had others
            getattr(self, shelf).update({
                key: cls(**{name: value for name, value in row.items() if name in known})
                for key, row in self.store.all(kind)})
        self._openids = {phone.openid: phone for phone in self.phones.values()}
        self.qr_tickets.update(self.store.all("qr"))
        self.receivers.update(self.store.all("receiver"))
        self._events = [event for _, event in self.store.all("event")]
        for account in self.accounts.values():
            known = {kept["template_id"] for kept in account.templates}
            account.templates += [
                new for new in default_templates() if new["template_id"] not in known]


_KINDS: dict[str, tuple[type, str, str]] = {
    "account": (Account, "accounts", "app_id"),
    "phone": (Phone, "phones", "id"),
    "token": (AccessToken, "access_tokens", "value"),
    "order": (Order, "orders", "out_trade_no"),
    "prepay": (Prepay, "prepays", "prepay_id"),
    "refund": (Refund, "refunds", "out_refund_no"),
    "transfer": (Transfer, "transfers", "out_bill_no"),
    "share": (Share, "shares", "out_order_no"),
    "certificate": (PlatformCertificate, "certificates", "serial"),
}
