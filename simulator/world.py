"""The world of one simulator: accounts, people with phones, their chats and their money.

Everything is guarded by `World.lock`. What a person does (say, tap_menu, follow …) waits for the
account's server, and holds no lock meanwhile: the server calls back while it thinks.
"""
import itertools
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any
from urllib.parse import quote

from simulator import menus, official_push, qr
from simulator.credentials import Credentials, openid_for
from simulator.faults import Faults
from simulator.journal import Journal
from simulator.message_templates import default_templates
from simulator.official_push import Outcome
from simulator.schedule import Schedule
from simulator.state import AccessToken, Account, Knobs, Order, Phone, Prepay, Refund
from simulator.store import Store

PhoneRef = Phone | str
Event = dict[str, Any]


class UnknownPhone(LookupError):
    """No phone has that id, openid or name."""


class World:
    """One simulated WeChat. `webhook` may hold {app_id}; `directory` keeps it across restarts."""

    def __init__(self, credentials: Credentials, webhook: str = "",
                 directory: str | Path | None = None, *, knobs: Knobs | None = None,
                 clock: Callable[[], float] = time.time) -> None:
        self.credentials, self.webhook, self.base_url = credentials, webhook, ""
        self.knobs, self.faults, self.journal = knobs or Knobs(), Faults(), Journal()
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.schedule = Schedule(clock)
        self.store = Store(Path(directory) / "world.sqlite" if directory else None)
        self.accounts: dict[str, Account] = {}
        self.phones: dict[str, Phone] = {}
        self._openids: dict[str, Phone] = {}
        self.access_tokens: dict[str, AccessToken] = {}
        self.orders: dict[str, Order] = {}
        self.prepays: dict[str, Prepay] = {}
        self.refunds: dict[str, Refund] = {}
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

    # what a person does

    def say(self, ref: PhoneRef, text: str, msgmenuid: str | None = None,
            msg_id: int | None = None, times: int = 1) -> str | None:
        """Send a text; returns what the passive reply said (None: nothing, or not a text).

        `msgmenuid`: it was a tap on a menu-message item. `msg_id`, `times`: the very same message
        again, as WeChat repeats one whose answer it missed.
        """
        return self.send_text(ref, text, msgmenuid, msg_id, times).reply

    def send_text(self, ref: PhoneRef, text: str, msgmenuid: str | None = None,
                  msg_id: int | None = None, times: int = 1) -> Outcome:
        """As `say`, with the whole outcome."""
        more = {"bizmsgmenuid": msgmenuid} if msgmenuid else {}
        return self._send(ref, "text", {"Content": text, **more}, {"content": text},
                          msg_id=msg_id, times=times)

    def send_image(self, ref: PhoneRef, pic: str | None = None,
                   content: bytes | None = None) -> Outcome:
        """Send a picture. `pic`: its address, made up by default; `content`: what media/get has."""
        media_id = self.add_media("image", content or qr.grey_png(64, (b"\0" + b"\xb4" * 64) * 64))
        url = pic or f"{self.base_url}/sim/media/{media_id}"
        return self._send(ref, "image", {"PicUrl": url, "MediaId": media_id}, {"content": url})

    def send_voice(self, ref: PhoneRef, recognition: str = "") -> Outcome:
        """Send a voice message; `recognition` arrives if the account enabled recognition."""
        phone = self.phone(ref)
        fields = {"MediaId": self.add_media("voice", b"#!AMR\n"), "Format": "amr"}
        if self.accounts[phone.app_id].speech_recognition:
            fields["Recognition"] = recognition
        return self._send(phone, "voice", fields, {"content": recognition})

    def share_location(self, ref: PhoneRef, lat: float, lng: float, label: str = "") -> Outcome:
        """Send a location message (＋ → 位置)."""
        fields = {"Location_X": lat, "Location_Y": lng, "Scale": 15, "Label": label}
        return self._send(ref, "location", fields,
                          {"content": label, "label": label, "lat": lat, "lng": lng})

    def report_position(self, ref: PhoneRef, lat: float, lng: float) -> Outcome:
        """The LOCATION event of someone who lets the account see where they are."""
        if not self.phone(ref).followed:
            return Outcome(False)
        return self._event(ref, "LOCATION", Latitude=lat, Longitude=lng, Precision=30.0)

    def follow(self, ref: PhoneRef, scene: str | None = None) -> Outcome:
        """Follow the account, by a parametric QR code when `scene` is given."""
        phone = self.phone(ref)
        if phone.followed:
            return self.scan(phone, scene) if scene else Outcome(False)
        with self.lock:
            phone.followed, phone.subscribe_time = True, int(self.now())
            phone.subscribe_scene = "ADD_SCENE_QR_CODE" if scene else "ADD_SCENE_SEARCH"
            phone.qr_scene_str = scene or ""
            self.open_window(phone, "follow")
        self.record(phone, "notice", content="已关注")
        if not scene:
            return self._event(phone, "subscribe", EventKey="")
        return self._event(phone, "subscribe", EventKey=f"qrscene_{scene}",
                           Ticket=self.ticket_for(phone.app_id, scene))

    def unfollow(self, ref: PhoneRef) -> Outcome:
        """Stop following: no reply is shown, and the account may say no more."""
        phone = self.phone(ref)
        if not phone.followed:
            return Outcome(False)
        with self.lock:
            phone.followed, phone.windows, phone.tags = False, {}, []
            self.save(phone)
        self.record(phone, "notice", content="已取消关注")
        return self._event(phone, "unsubscribe", EventKey="")

    def scan(self, ref: PhoneRef, scene: str) -> Outcome:
        """Scan the account's parametric QR code; someone new follows by it."""
        phone = self.phone(ref)
        if self._is_expired(phone.app_id, scene):
            self.record(phone, "notice", content="该二维码已过期")
            return Outcome(False)
        if not phone.followed:
            return self.follow(phone, scene)
        with self.lock:
            self.open_window(phone, "scan")
        self.record(phone, "said", kind="scan", content=scene)
        return self._event(phone, "SCAN", EventKey=scene,
                           Ticket=self.ticket_for(phone.app_id, scene))

    def tap_menu(self, ref: PhoneRef, key: str) -> Outcome:
        """Tap a menu item: `key` of a click item, or the address of a view item.

        Menus are cached on the phone, so a key that the account has since removed comes too.
        """
        phone = self.phone(ref)
        if not phone.followed:
            return Outcome(False)
        if key.startswith(("http://", "https://")):
            return self._event(phone, "VIEW", EventKey=key)
        with self.lock:
            self.open_window(phone, "tap")
        self.record(phone, "said", kind="menu", content=key,
                    label=menus.label_of(self, phone, key))
        return self._event(phone, "CLICK", EventKey=key)

    def pay(self, ref: PhoneRef, prepay_id: str,
            request: dict[str, Any] | None = None) -> dict[str, Any]:
        """Confirm in the pay sheet; {"err_msg": "get_brand_wcpay_request:ok"} when paid.

        `request`: all that the page gave to getBrandWCPayRequest, whose paySign is then checked.
        """
        from simulator import cashier

        return cashier.pay(self, self.phone(ref), prepay_id, request)

    def open(self, ref: PhoneRef, url: str) -> str:
        """Where this phone's in-app browser shows `url`. ValueError: not this machine's page."""
        from simulator import webview

        self.web_port(ref)
        return webview.open_page(self, self.phone(ref), url)

    def web_port(self, ref: PhoneRef) -> int:
        """The port of this phone's in-app browser, started when first needed."""
        from simulator import webview

        phone = self.phone(ref)
        self.web_ports[phone.id] = port = webview.start(self, phone)
        return port

    def _send(self, ref: PhoneRef, kind: str, fields: dict[str, Any], bubble: dict[str, Any],
              msg_id: int | None = None, times: int = 1) -> Outcome:
        """A message that the person wrote: opens the 48-hour window, then goes to the server."""
        phone = self.phone(ref)
        self.record(phone, "said", kind=kind, **bubble)
        with self.lock:
            if not phone.followed:
                self.record(phone, "notice", content="你还没有关注该服务号")
                return Outcome(False)
            phone.last_message_at = self.now()
            self.open_window(phone, "message")
        return official_push.push(self, phone, {
            **self._head(phone, kind), **fields, "MsgId": msg_id or self.next_id()}, times)

    def _event(self, ref: PhoneRef, event: str, **fields: Any) -> Outcome:
        phone = self.phone(ref)
        return official_push.push(
            self, phone, {**self._head(phone, "event"), "Event": event, **fields})

    def _head(self, phone: Phone, kind: str) -> dict[str, Any]:
        return {"ToUserName": self.accounts[phone.app_id].original_id,
                "FromUserName": phone.openid, "CreateTime": int(self.now()), "MsgType": kind}

    def report_template(self, phone: Phone, msgid: int, status: str) -> None:
        """Push TEMPLATESENDJOBFINISH (its MsgID has a capital D)."""
        self._event(phone, "TEMPLATESENDJOBFINISH", MsgID=msgid, Status=status)

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

    def _is_expired(self, app_id: str, scene: str) -> bool:
        """Whether this scene was only ever on temporary codes, and all of them have lapsed."""
        with self.lock:
            codes = [code for code in self.qr_tickets.values()
                     if code["app_id"] == app_id and code["scene"] == scene]
            return bool(codes) and all(
                code["until"] is not None and code["until"] <= self.now() for code in codes)

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
        day = time.strftime("%Y-%m-%d", time.gmtime(self.now() + 8 * 3600))
        key = f"{day} {what}"
        self.counts[key] = self.counts.get(key, 0) + 1
        return self.counts[key]

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
}
