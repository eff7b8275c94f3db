"""Pushes to the account's server: handshake, delivery, retries, and a strict ear for the reply.

Source: fact sheet A1–A8. Nothing here holds the world's lock while it waits for an answer.
"""
import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from simulator import message_crypto, outgoing
from simulator.state import Account, Phone

if TYPE_CHECKING:
    from simulator.faults import Fault
    from simulator.world import World

OUT_OF_ORDER = "该服务号暂时无法提供服务，请稍后再试"
SILENT_EVENTS = {"LOCATION", "VIEW", "unsubscribe", "TEMPLATESENDJOBFINISH"}
MEDIA_REPLIES = {"image": "Image", "voice": "Voice", "video": "Video"}
Tree = dict[str, Any]


class Repeated(list[Tree]):
    """Elements of one name side by side, as WeChat writes `List`; other lists hold <item>s."""


class BadReply(Exception):
    """An answer that WeChat would not show. The message says why."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a push. answered: a legal answer came in time. reply: its text, if any.

    deliveries: how often the message was sent; error: why the phone saw the grey line.
    unheard: no delivery of it was answered in time.
    """

    answered: bool
    reply: str | None = None
    passive: dict[str, Any] | None = None
    deliveries: int = 0
    error: str | None = None
    unheard: bool = False


def handshake(world: "World", app_id: str) -> bool:
    """What saving the server's address in the console does: GET with an echostr to be echoed."""
    account, url = world.accounts[app_id], world.webhook_for(app_id)
    echo = str(secrets.randbelow(10**19))
    query = {**_signed_query(world, account), "echostr": echo}
    answer = outgoing.send("GET", url, world.knobs.reply_timeout_s, params=query)
    held = answer.status == 200 and answer.body == echo.encode()
    world.note("push", msg_type="handshake", app_id=app_id, url=url, query=query, held=held,
               status=answer.status, response=answer.body.decode("utf-8", "replace")[:200],
               error=answer.error)
    return held


def push(world: "World", phone: Phone, fields: Tree, times: int = 1) -> Outcome:
    """Send one message or event and hear the reply; the phone hears what WeChat would show.

    `times` sends the identical push so often, as after answers that were lost on the way.
    Without a webhook nothing is sent, as for an account whose server is not configured.
    """
    if not world.webhook:
        return Outcome(False)
    kind, lane = _kind(fields), f"push {phone.id}"
    fault = world.faults.take(f"push/{kind}", phone.openid)
    if fault and fault.behind:
        world.held.hold(lane, fault.behind, lambda: _arrive(world, phone, fields, times, None))
        return _not_sent(world, phone, fields, "held back, later ones overtake it", fault)
    if fault and fault.delay_s:
        time.sleep(fault.delay_s)
    if fault and fault.drop:
        return _not_sent(world, phone, fields, "lost on the way", fault)
    outcome = _arrive(world, phone, fields, times, fault)
    world.held.passed(lane)
    return outcome


def _arrive(world: "World", phone: Phone, fields: Tree, times: int,
            fault: "Fault | None") -> Outcome:
    """All deliveries of one push, and what the phone shows of the answer."""
    if _is_marked(world, phone.app_id):
        outcome = _not_sent(world, phone, fields, "MarkFail: no pushes for a while")
    else:
        outcome = Outcome(False)
        for _ in range(times + (fault.repeat if fault else 0)):
            outcome = _send_until_heard(world, phone, fields, _kind(fields), fault)
        _mark(world, phone.app_id, failed=outcome.unheard)
    _tell_phone(world, phone, fields, outcome)
    return outcome


def _is_marked(world: "World", app_id: str) -> bool:
    return world.marked.get(app_id, (0, 0.0))[1] > world.now()


def _mark(world: "World", app_id: str, *, failed: bool) -> None:
    """MarkFail: a server that failed again and again hears nothing for a minute (A4)."""
    with world.lock:
        count = world.marked.get(app_id, (0, 0.0))[0] + 1 if failed else 0
        until = 0.0
        if count >= world.knobs.mark_fail_after:
            count, until = 0, world.now() + world.knobs.mark_fail_s
            world.note("push", msg_type="MarkFail", app_id=app_id,
                       error=f"no pushes for {world.knobs.mark_fail_s:g} s")
        world.marked[app_id] = (count, until)


def _not_sent(world: "World", phone: Phone, fields: Tree, why: str,
              fault: "Fault | None" = None) -> Outcome:
    world.note("push", msg_type=_kind(fields), app_id=phone.app_id, openid=phone.openid,
               request=dict(fields), status=None, error=why, fault=fault.label if fault else None)
    return Outcome(False)


def _kind(fields: Tree) -> str:
    return f"event/{fields['Event']}" if fields["MsgType"] == "event" else fields["MsgType"]


def _tell_phone(world: "World", phone: Phone, fields: Tree, outcome: Outcome) -> None:
    if outcome.passive is not None:
        world.record(phone, "heard", channel="passive", **outcome.passive)
    elif not outcome.answered and fields.get("Event") not in SILENT_EVENTS:
        world.record(phone, "notice", content=OUT_OF_ORDER)


def _send_until_heard(world: "World", phone: Phone, fields: Tree, kind: str,
                      fault: "Fault | None") -> Outcome:
    """Up to `knobs.deliveries` identical deliveries; an illegal answer is not asked for again."""
    error: str | None = None
    for count in range(1, world.knobs.deliveries + 1):
        trouble = fault if fault and count <= fault.retries else None
        answer, outcome = _deliver(world, phone, fields, kind, trouble)
        if outcome is not None:
            return replace(outcome, deliveries=count)
        error = answer.error
        if count < world.knobs.deliveries and answer.took_s < world.knobs.retry_pause_s:
            time.sleep(world.knobs.retry_pause_s)
    return Outcome(False, deliveries=world.knobs.deliveries, error=error, unheard=True)


def _deliver(world: "World", phone: Phone, fields: Tree, kind: str,
             fault: "Fault | None") -> tuple[outgoing.Answer, Outcome | None]:
    """One delivery. No outcome: nothing usable came back, so WeChat asks again."""
    account = world.accounts[phone.app_id]
    url = world.webhook_for(account.app_id)
    query = {**_signed_query(world, account), "openid": phone.openid}
    body = _body(account, fields, query)
    if fault and fault.forge:
        query["msg_signature" if "msg_signature" in query else "signature"] = "0" * 40
    answer = outgoing.send("POST", url, world.knobs.reply_timeout_s, params=query,
                           body=body.encode(), headers={"Content-Type": "text/xml"})
    if answer.status not in (200, None):
        answer = replace(answer, error=f"HTTP {answer.status}")
    if fault and fault.lose_answer:
        answer = replace(answer, error="the answer was lost on the way")
    outcome = _judged(world, account, phone, answer.body) if answer.error is None else None
    world.note("push", msg_type=kind, app_id=account.app_id, openid=phone.openid, url=url,
               query=query, request=dict(fields), status=answer.status,
               response=answer.body.decode("utf-8", "replace")[:4000],
               error=outcome.error if outcome else answer.error,
               took_ms=round(answer.took_s * 1000), fault=fault.label if fault else None)
    return answer, outcome


def _judged(world: "World", account: Account, phone: Phone, body: bytes) -> Outcome:
    try:
        passive = read_reply(body, account, phone.openid, world.knobs.text_cap_bytes)
    except BadReply as refusal:
        return Outcome(False, error=str(refusal))
    text = passive["content"] if passive and passive["msgtype"] == "text" else None
    return Outcome(True, text, passive)


def _signed_query(world: "World", account: Account) -> dict[str, str]:
    timestamp, nonce = str(int(world.wire_now())), str(secrets.randbelow(10**10))
    return {"signature": message_crypto.signature(account.token, timestamp, nonce),
            "timestamp": timestamp, "nonce": nonce}


def _body(account: Account, fields: Tree, query: dict[str, str]) -> str:
    """The push's body; in the two AES modes `query` also gets its second signature."""
    plain = to_xml(fields)
    if account.mode == "plain" or not account.aes_key:
        return plain
    encrypted = message_crypto.seal(plain, account.aes_key, account.app_id)
    query["encrypt_type"] = "aes"
    query["msg_signature"] = message_crypto.signature(
        account.token, query["timestamp"], query["nonce"], encrypted)
    if account.mode == "compat":
        return to_xml({**fields, "Encrypt": encrypted})
    return to_xml({"ToUserName": account.original_id, "Encrypt": encrypted})


def to_xml(fields: Tree) -> str:
    """`<xml>` as WeChat writes it: text in CDATA, numbers bare, dicts nested, lists as items."""
    return f"<xml>{_inside(fields)}</xml>"


def _inside(fields: Tree) -> str:
    return "".join(f"<{name}>{_value(each)}</{name}>" for name, value in fields.items()
                   for each in (value if isinstance(value, Repeated) else [value]))


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return _inside(value)
    if isinstance(value, list):
        return "".join(f"<item>{_inside(item)}</item>" for item in value)
    if isinstance(value, int | float):
        return str(value)
    kept = "".join(c for c in str(value) if c in "\t\n\r" or ord(c) >= 32)
    return f"<![CDATA[{kept.replace(']]>', ']]]]><![CDATA[>')}]]>"


def read_reply(body: bytes, account: Account, openid: str,
               cap_bytes: int = 2048) -> dict[str, Any] | None:
    """What the phone shows of a reply (`msgtype` and that type's fields), or None for nothing.

    Raises BadReply for whatever makes WeChat say that the account is out of order.
    """
    text = _decoded(body).strip()
    if text in ("", "success"):
        return None
    root = _parsed(text)
    if root.find("Encrypt") is not None:
        root = _parsed(_decrypted(root, account))
    elif account.mode == "safe" and account.aes_key:
        raise BadReply("the account is in safe mode and the reply is not encrypted")
    _check_envelope(root, account, openid)
    return _shown(root, cap_bytes)


def _decoded(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadReply("the reply is not UTF-8") from error


def _parsed(text: str) -> ElementTree.Element:
    if "<!" in text.replace("<![CDATA[", ""):
        raise BadReply("the reply has a DOCTYPE, an entity or a comment")
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise BadReply(f"the reply is not XML: {error}") from error
    if root.tag != "xml":
        raise BadReply(f"the reply's root is <{root.tag}>")
    return root


def _decrypted(root: ElementTree.Element, account: Account) -> str:
    if not account.aes_key or account.mode == "plain":
        raise BadReply("the reply is encrypted, but the account is in plain mode")
    said = {name: (root.findtext(name) or "").strip()
            for name in ("Encrypt", "MsgSignature", "TimeStamp", "Nonce")}
    if missing := [name for name, value in said.items() if not value]:
        raise BadReply(f"the encrypted reply lacks {', '.join(missing)}")
    right = message_crypto.signature(
        account.token, said["TimeStamp"], said["Nonce"], said["Encrypt"])
    if said["MsgSignature"] != right:
        raise BadReply("the encrypted reply's MsgSignature is wrong")
    try:
        return message_crypto.unseal(said["Encrypt"], account.aes_key, account.app_id)
    except message_crypto.BadCipher as error:
        raise BadReply(f"the encrypted reply: {error}") from error


def _check_envelope(root: ElementTree.Element, account: Account, openid: str) -> None:
    said = {name: (root.findtext(name) or "").strip()
            for name in ("ToUserName", "FromUserName", "CreateTime", "MsgType")}
    if missing := [name for name, value in said.items() if not value]:
        raise BadReply(f"the reply lacks {', '.join(missing)}")
    if not said["CreateTime"].isdigit():  # some libraries write milliseconds: any number will do
        raise BadReply("CreateTime is not a number")
    if (said["ToUserName"], said["FromUserName"]) != (openid, account.original_id):
        raise BadReply("ToUserName and FromUserName are not the push's, swapped")


def _shown(root: ElementTree.Element, cap_bytes: int) -> dict[str, Any] | None:
    kind = (root.findtext("MsgType") or "").strip()
    if kind == "text":
        return {"msgtype": "text", "content": _text_content(root, cap_bytes)}
    if kind in MEDIA_REPLIES:
        return {"msgtype": kind, **_media(root, MEDIA_REPLIES[kind])}
    if kind == "music":
        return {"msgtype": kind, **_children(root, "Music")}
    if kind == "news":
        return {"msgtype": kind, "articles": _articles(root)}
    if kind == "transfer_customer_service":
        return None
    raise BadReply(f"MsgType {kind} is no passive reply")


def _text_content(root: ElementTree.Element, cap_bytes: int) -> str:
    content = root.findtext("Content") or ""
    if not content.strip():
        raise BadReply("Content is empty")
    if len(content.encode()) > cap_bytes:
        raise BadReply(f"Content has {len(content.encode())} bytes, more than {cap_bytes}")
    return content


def _media(root: ElementTree.Element, tag: str) -> dict[str, str]:
    found = _children(root, tag)
    if not found.get("mediaid"):
        raise BadReply(f"{tag}.MediaId is missing")
    return {"media_id": found["mediaid"],
            **{name: found[name] for name in ("title", "description") if name in found}}


def _children(root: ElementTree.Element, tag: str) -> dict[str, str]:
    element = root.find(tag)
    if element is None:
        raise BadReply(f"the reply lacks {tag}")
    return {child.tag.lower(): child.text or "" for child in element}


def _articles(root: ElementTree.Element) -> list[dict[str, str]]:
    items = root.findall("Articles/item")
    if (root.findtext("ArticleCount") or "").strip() != str(len(items)) or len(items) != 1:
        raise BadReply("news must have ArticleCount 1 and one item")
    return [{child.tag.lower(): child.text or "" for child in item} for item in items]
