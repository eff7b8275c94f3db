"""WeChat's pushes and passive replies: bytes in, facts out; words in, bytes out.

Whatever arrives becomes a Heard or a BadPush, never another exception. Rules are those of
developers.weixin.qq.com/doc/service/guide/dev/push/encryption and its neighbours.
"""
import base64
import binascii
import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from hmac import compare_digest
from typing import Any, Final, NoReturn, Protocol
from xml.parsers import expat

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

MAX_BODY_BYTES: Final = 64 * 1024
MAX_AGE_S: Final = 300
MAX_DEPTH: Final = 8  # WeChat's deepest, SendPicsInfo, has 5
NOTHING_TO_SAY: Final = b"success"  # also tells WeChat not to try again

_BLOCK: Final = 32  # bytes; WeChat pads to twice AES's own block
_KINDS: Final = {"text": "text", "image": "image", "voice": "voice", "video": "video",
                 "shortvideo": "video", "location": "location", "link": "link", "event": "event"}
_NAME: Final = re.compile(r"[A-Za-z0-9_@.-]{1,64}")
_WHOLE: Final = re.compile(r"[0-9]{1,19}")
_DECIMAL: Final = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")
_LAST_SECOND: Final = 253402300799  # of the year 9999, the last that datetime knows
_NOT_IN_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Account(Protocol):
    """An official account, as far as its pushes need it. AES keys have 43 characters."""

    @property
    def app_id(self) -> str: ...
    @property
    def original_id(self) -> str | None: ...
    @property
    def token(self) -> str: ...
    @property
    def aes_key(self) -> str | None: ...
    @property
    def previous_aes_key(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """One push. Every field is a plain string or number, so that it can be stored as JSON.

    `key` is the same for every delivery of the same push, and for no other push.
    `kind`: text, image, voice, video, location, link, event, or other (a type WeChat added).
    `text`: what was written; of a link its address, whose title is in `label`.
    `tap_id`: which tappable words sent this text. `event_key`: menu key, address or raw scene.
    `scene`: of the QR code that was scanned, whether it made a follower or met one.
    `msg_id`: the message's number, or for TEMPLATESENDJOBFINISH that of the template message.
    """

    app_id: str
    openid: str
    key: str
    kind: str
    created_at: int  # epoch seconds
    to_user: str
    msg_id: int | None = None
    text: str = ""
    tap_id: str = ""
    event: str = ""
    event_key: str = ""
    scene: str = ""
    latitude: float | None = None
    longitude: float | None = None
    label: str = ""
    media_id: str = ""
    pic_url: str = ""
    recognition: str = ""
    status: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """How the push came, and so how its reply must go: under this AES key, or in the clear."""

    aes_key: str | None = None

    def __repr__(self) -> str:
        return "Channel(aes)" if self.aes_key else "Channel(plaintext)"


class BadPush(Exception):
    """Not a push that WeChat would make. `status` is the 4xx to answer; `why` is for the log."""

    def __init__(self, status: int, why: str) -> None:
        super().__init__(f"{status} {why}")
        self.status = status
        self.why = why


def echo(account: Account, args: Mapping[str, str]) -> bytes:
    """Answer WeChat's handshake (GET): its echostr, exactly. Raises BadPush."""
    _check(args.get("signature"), account.token, args.get("timestamp"), args.get("nonce"))
    echostr = args.get("echostr") or ""
    if not re.fullmatch(r"[!-~]{1,1024}", echostr):
        raise BadPush(400, "no echostr")
    return echostr.encode()


def open_push(account: Account, args: Mapping[str, str], body: bytes, *, now: datetime,
              allow_plaintext: bool) -> tuple[Heard, Channel]:
    """Verify, decrypt and read one POST. Raises BadPush.

    An account with an AES key hears encrypted pushes only: a plaintext signature covers no body.
    In a 兼容模式 body, which says everything twice, only `Encrypt` is read.
    """
    if len(body) > MAX_BODY_BYTES:
        raise BadPush(413, f"{len(body)} bytes")
    _check_age(args.get("timestamp"), now)
    if not account.aes_key:
        if not allow_plaintext:
            raise BadPush(403, "plaintext is not allowed here")
        _check(args.get("signature"), account.token, args.get("timestamp"), args.get("nonce"))
        return _heard(account, _fields(body)), Channel()

    encrypted = _fields(body).get("Encrypt") or ""
    _check(args.get("msg_signature"), account.token, args.get("timestamp"), args.get("nonce"),
           encrypted)
    inner, aes_key = _opened(account, encrypted)
    return _heard(account, _fields(inner)), Channel(aes_key)


def answer(account: Account, channel: Channel, heard: Heard, text: str, *, now: datetime,
           nonce: str) -> bytes:
    """The passive reply that says `text`, sealed as the push was. Nothing to say: `success`."""
    said = _NOT_IN_XML.sub("", text)
    if not said.strip():  # WeChat takes an empty Content for a broken server
        return NOTHING_TO_SAY
    stamp = int(now.timestamp())
    reply = (f"<xml><ToUserName>{_cdata(heard.openid)}</ToUserName>"
             f"<FromUserName>{_cdata(heard.to_user)}</FromUserName>"
             f"<CreateTime>{stamp}</CreateTime><MsgType><![CDATA[text]]></MsgType>"
             f"<Content>{_cdata(said)}</Content></xml>").encode()
    if channel.aes_key is None:
        return reply
    sealed = seal(channel.aes_key, account.app_id, reply, os.urandom(16))
    return (f"<xml><Encrypt>{_cdata(sealed)}</Encrypt>"
            f"<MsgSignature>{_cdata(sign(account.token, str(stamp), nonce, sealed))}"
            f"</MsgSignature><TimeStamp>{stamp}</TimeStamp>"
            f"<Nonce>{_cdata(nonce)}</Nonce></xml>").encode()


def sign(*parts: str) -> str:
    """SHA-1 over the sorted parts: token, timestamp, nonce and, in aes mode, Encrypt."""
    told = "".join(sorted(parts)).encode("utf-8", "surrogatepass")
    return hashlib.sha1(told).hexdigest()


def seal(aes_key: str, app_id: str, message: bytes, salt: bytes) -> str:
    """Encrypt a reply: AES-256-CBC over salt (16 bytes), length, message and app id."""
    plain = b"".join((salt, len(message).to_bytes(4, "big"), message, app_id.encode()))
    pad = _BLOCK - len(plain) % _BLOCK
    worker = _cipher(aes_key).encryptor()
    sealed = worker.update(plain + bytes([pad]) * pad) + worker.finalize()
    return base64.b64encode(sealed).decode()


def unseal(aes_key: str, app_id: str, sealed: str) -> bytes:
    """The message in `sealed`. Raises ValueError when key or app id are not those it was made
    with. The caller has checked its signature, so a forger cannot probe the padding here."""
    encrypted = base64.b64decode(sealed, validate=True)
    worker = _cipher(aes_key).decryptor()
    plain = worker.update(encrypted) + worker.finalize()
    pad = plain[-1] if plain else 0
    if not 1 <= pad <= _BLOCK or plain[-pad:] != bytes([pad]) * pad:
        raise ValueError("wrong padding")
    end = 20 + int.from_bytes(plain[16:20], "big")
    if not compare_digest(plain[end:-pad], app_id.encode()):
        raise ValueError("wrong app id")
    return plain[20:end]


@lru_cache(maxsize=64)
def _cipher(aes_key: str) -> "Cipher[modes.CBC]":
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES256(key), modes.CBC(key[:16]))


def _opened(account: Account, sealed: str) -> tuple[bytes, str]:
    """The message and the key that opened it: the account's own, or the one before."""
    for aes_key in (account.aes_key, account.previous_aes_key):
        if aes_key:
            try:
                return unseal(aes_key, account.app_id, sealed), aes_key
            except (ValueError, binascii.Error):
                continue
    raise BadPush(400, "cannot be decrypted for this app id")


def _check(signature: str | None, *parts: str | None) -> None:
    if not signature or not all(parts):
        raise BadPush(403, "unsigned")
    expected = sign(*(part for part in parts if part))
    if not compare_digest(expected.encode(), signature.encode("utf-8", "surrogatepass")):
        raise BadPush(403, "wrong signature")


def _check_age(stamp: str | None, now: datetime) -> None:
    if not _WHOLE.fullmatch(stamp or ""):
        raise BadPush(403, "no timestamp")
    if abs(now.timestamp() - int(stamp or "")) > MAX_AGE_S:
        raise BadPush(403, "not of these five minutes")


def _fields(body: bytes) -> dict[str, str]:
    """The elements of <xml>, by name; what they nest is passed over.

    A document type, and with it every entity of one's own, is refused before it is read.
    """
    if b"\0" in body:  # expat reads UTF-16 even where it was told UTF-8
        raise BadPush(400, "not UTF-8")
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    fields: dict[str, str] = {}
    path: list[str] = []
    text: list[str] = []

    def opens(name: str, _: dict[str, str]) -> None:
        path.append(name)
        text.clear()
        if len(path) > MAX_DEPTH or path[0] != "xml":
            raise BadPush(400, "not a push")

    def closes(name: str) -> None:
        if len(path) == 2:
            if name in fields:
                raise BadPush(400, "an element comes twice")
            fields[name] = "".join(text)
        path.pop()
        text.clear()

    parser.StartElementHandler = opens
    parser.EndElementHandler = closes
    parser.CharacterDataHandler = text.append
    parser.StartDoctypeDeclHandler = _refuse_doctype
    try:
        parser.Parse(body, True)
    except expat.ExpatError as error:
        raise BadPush(400, f"not XML: {error}") from None
    return fields


def _refuse_doctype(*_: Any) -> NoReturn:
    raise BadPush(400, "a document type")


def _heard(account: Account, told: Mapping[str, str]) -> Heard:
    openid, to_user = _name(told, "FromUserName"), _name(told, "ToUserName")
    if account.original_id and to_user != account.original_id:
        raise BadPush(403, "for another account")
    created_at = _whole(told, "CreateTime", _LAST_SECOND)
    kind = _KINDS.get(_needed(told, "MsgType"), "other")
    head = (account.app_id, openid, created_at, to_user)
    return _event(head, told) if kind == "event" else _message(head, kind, told)


def _event(head: tuple[str, str, int, str], told: Mapping[str, str]) -> Heard:
    app_id, openid, created_at, to_user = head
    event, event_key = _needed(told, "Event"), told.get("EventKey", "")
    msg_id = told.get("MsgID") or told.get("MsgId") or ""
    latitude, longitude = (_position(told, "Latitude", "Longitude") if event == "LOCATION"
                           else (None, None))
    return Heard(
        app_id, openid, _digest(app_id, openid, str(created_at), event, event_key, msg_id),
        "event", created_at, to_user,
        msg_id=_whole({"MsgID": msg_id}, "MsgID") if msg_id else None,
        event=event, event_key=event_key, scene=_scene(event, event_key),
        latitude=latitude, longitude=longitude, status=told.get("Status", ""))


def _message(head: tuple[str, str, int, str], kind: str, told: Mapping[str, str]) -> Heard:
    app_id, openid, created_at, to_user = head
    msg_id = _whole(told, "MsgId")
    latitude, longitude = (_position(told, "Location_X", "Location_Y") if kind == "location"
                           else (None, None))
    return Heard(
        app_id, openid, _digest(app_id, openid, str(msg_id)), kind, created_at, to_user,
        msg_id=msg_id,
        text=_present(told, "Content") if kind == "text" else told.get("Url", ""),
        tap_id=told.get("bizmsgmenuid", ""),
        latitude=latitude, longitude=longitude,
        label=told.get("Label") or told.get("Title", ""),
        media_id=told.get("MediaId", ""), pic_url=told.get("PicUrl", ""),
        recognition=told.get("Recognition", ""))


def _scene(event: str, event_key: str) -> str:
    """Who follows after paying comes with another kind of key, which is no scene."""
    if event == "subscribe" and event_key.startswith("qrscene_"):
        return event_key.removeprefix("qrscene_")
    return event_key if event == "SCAN" else ""


def _digest(*parts: str) -> str:
    """128 bits of what makes a push the same. XML cannot hold the separator."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def _present(told: Mapping[str, str], name: str) -> str:
    if name not in told:
        raise BadPush(400, f"{name} is missing")
    return told[name]


def _needed(told: Mapping[str, str], name: str) -> str:
    return _present(told, name) or _raise(f"{name} is empty")


def _name(told: Mapping[str, str], name: str) -> str:
    value = _present(told, name)
    return value if _NAME.fullmatch(value) else _raise(f"{name} is not a name")


def _whole(told: Mapping[str, str], name: str, most: int = 2**63 - 1) -> int:
    value = _present(told, name)
    if not _WHOLE.fullmatch(value) or int(value) > most:
        raise BadPush(400, f"{name} is not a whole number")
    return int(value)


def _position(told: Mapping[str, str], north: str, east: str) -> tuple[float, float]:
    values = []
    for name, most in ((north, 90), (east, 180)):
        value = _present(told, name)
        if not _DECIMAL.fullmatch(value) or abs(float(value)) > most:
            raise BadPush(400, f"{name} is not a coordinate")
        values.append(float(value))
    return values[0], values[1]


def _raise(why: str) -> NoReturn:
    raise BadPush(400, why)


def _cdata(text: str) -> str:
    return f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
