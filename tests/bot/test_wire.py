"""Pushes and replies on the wire. V1–V5 are WeChat's own examples (and WxJava's)."""
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wechatpy import parse_message
from wechatpy.crypto import WeChatCrypto
from wechatpy.exceptions import InvalidAppIdException

from bot.wire import (
    MAX_BODY_BYTES,
    BadPush,
    Channel,
    Heard,
    answer,
    echo,
    open_push,
    seal,
    sign,
    unseal,
)

NOW = datetime(2026, 9, 21, 4, 0, tzinfo=UTC)
STAMP = str(int(NOW.timestamp()))
OPENID = "oABCDEFGHIJKLMNOPQRSTUVWXY_-"
SALT = b"0123456789abcdef"
DOCS_KEY = "A" * 43
DOCS_APP = "wxba5fad812f8e6fb9"
V3 = ("+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcv"
      "ZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3F"
      "n2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSe"
      "OBrebufAlr7F9mFUPAJGj04=")
V4 = ("ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==")
V5 = ("jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==")


@dataclass(frozen=True)
class Account:
    app_id: str = "wx1234567890abcdef"
    original_id: str | None = "gh_1234567890ab"
    token: str = "AAAAA"
    aes_key: str | None = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
    previous_aes_key: str | None = None


ACCOUNT = Account()
PLAIN = Account(aes_key=None)


def xml(**fields: str) -> bytes:
    told = {"ToUserName": "gh_1234567890ab", "FromUserName": OPENID, "CreateTime": STAMP,
            "MsgType": "text", "Content": "来份黄焖鸡", "MsgId": "23456789012345678", **fields}
    inner = "".join(f"<{k}><![CDATA[{v}]]></{k}>" for k, v in told.items() if v is not None)
    return f"<xml>{inner}</xml>".encode()


def event(name: str, **fields: str) -> bytes:
    return xml(MsgType="event", Event=name, Content=None, MsgId=None, **fields)


def plain_args(account: Account = PLAIN, **over: str) -> dict[str, str]:
    return {"timestamp": STAMP, "nonce": "n1",
            "signature": sign(account.token, STAMP, "n1"), **over}


def hear(body: bytes, account: Account = PLAIN, **over: str) -> Heard:
    return open_push(account, plain_args(account, **over), body,
                     now=NOW, allow_plaintext=True)[0]


def sealed_push(inner: bytes, account: Account = ACCOUNT, *, key: str | None = None,
                app_id: str | None = None) -> tuple[dict[str, str], bytes]:
    sealed = seal(key or account.aes_key, app_id or account.app_id, inner, SALT)
    return sealed_args(account, sealed), _outer(sealed)


def sealed_args(account: Account, sealed: str) -> dict[str, str]:
    return plain_args(account, encrypt_type="aes",
                      msg_signature=sign(account.token, STAMP, "n1", sealed))


def _outer(sealed: str) -> bytes:
    return (f"<xml><ToUserName><![CDATA[gh_1234567890ab]]></ToUserName>"
            f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>").encode()


def hear_sealed(inner: bytes, account: Account = ACCOUNT, **kw: str) -> tuple[Heard, Channel]:
    args, body = sealed_push(inner, account, **kw)
    return open_push(account, args, body, now=NOW, allow_plaintext=False)


def refused(body: bytes, account: Account = PLAIN, *, args: dict[str, str] | None = None,
            allow_plaintext: bool = True) -> int:
    with pytest.raises(BadPush) as caught:
        open_push(account, plain_args(account) if args is None else args, body,
                  now=NOW, allow_plaintext=allow_plaintext)
    return caught.value.status


# --- WeChat's own examples


def test_v1_handshake():
    args = {"signature": "f464b24fc39322e44b38aa78f5edd27bd1441696", "timestamp": "1714036504",
            "nonce": "1514711492", "echostr": "4375120948345356249"}
    assert echo(PLAIN, args) == b"4375120948345356249"


def test_v2_plain_signature():
    assert sign("AAAAA", "1714037059", "486452656") == "899cf89e464efb63f54ddac96b0a0a235f53aa78"


def test_v3_encrypted_push():
    assert sign("AAAAA", "1714112445", "415670741") == "6c5c811b55cc85e0e1b54100749188c20beb3f5d"
    assert sign("AAAAA", "1714112445", "415670741", V3) == \
        "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"
    message = unseal(DOCS_KEY, DOCS_APP, V3)
    assert len(message) == 167
    assert json.loads(message)["Event"] == "debug_demo"


def test_v4_encrypted_reply():
    sealed = seal(DOCS_KEY, DOCS_APP, b'{"demo_resp":"good luck"}', b"707722b803182950")
    assert sealed == V4
    assert sign("AAAAA", "1713424427", "415670741", V4) == \
        "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"


def test_v5_chinese_is_counted_in_bytes():
    key, app_id = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "wxb11529c136998cb6"
    said = "我是中文abcd123".encode()
    assert seal(key, app_id, said, b"aaaabbbbccccdddd") == V5
    assert unseal(key, app_id, V5) == said
    assert sign("pamtest", "1409304348", "xxxxxx", V5) == "82c962d39941aa48552f90ef55aa323dc620cc10"


# --- another implementation of the same


def test_wechatpy_reads_our_encrypted_reply():
    heard, channel = hear_sealed(xml())
    reply = answer(ACCOUNT, channel, heard, "好的]]>，¥14.50", now=NOW, nonce="n2")
    peer = WeChatCrypto(ACCOUNT.token, ACCOUNT.aes_key, ACCOUNT.app_id)
    signature = reply.decode().partition("<MsgSignature><![CDATA[")[2].partition("]]")[0]
    inner = parse_message(peer.decrypt_message(reply, signature, STAMP, "n2"))
    assert (inner.content, inner.target, inner.source) == (
        "好的]]>，¥14.50", OPENID, "gh_1234567890ab")


@settings(deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn"])))
def test_we_read_what_wechatpy_encrypts(said):
    said = said.replace("]]>", "")
    peer = WeChatCrypto(ACCOUNT.token, ACCOUNT.aes_key, ACCOUNT.app_id)
    outer = peer.encrypt_message(xml(Content=said).decode(), "n1", STAMP)
    signature = outer.partition("<MsgSignature><![CDATA[")[2].partition("]]")[0]
    heard, _ = open_push(ACCOUNT, plain_args(msg_signature=signature), outer.encode(),
                         now=NOW, allow_plaintext=False)
    assert heard.text == said


def test_wechatpy_refuses_our_reply_for_another_app():
    heard, channel = hear_sealed(xml())
    reply = answer(replace(ACCOUNT, app_id="wxother"), channel, heard, "好", now=NOW, nonce="n2")
    signature = reply.decode().partition("<MsgSignature><![CDATA[")[2].partition("]]")[0]
    peer = WeChatCrypto(ACCOUNT.token, ACCOUNT.aes_key, ACCOUNT.app_id)
    with pytest.raises(InvalidAppIdException):
        peer.decrypt_message(reply, signature, STAMP, "n2")


# --- what is heard


def test_text_with_a_tap():
    heard = hear(xml(bizmsgmenuid="o77.2"))
    assert heard == Heard(
        app_id=PLAIN.app_id, openid=OPENID, key=heard.key, kind="text",
        created_at=int(STAMP), to_user="gh_1234567890ab", msg_id=23456789012345678,
        text="来份黄焖鸡", tap_id="o77.2")
    assert json.loads(json.dumps(asdict(heard))) == asdict(heard)


@pytest.mark.parametrize(("body", "expected"), [
    (xml(MsgType="image", Content=None, PicUrl="http://p/1", MediaId="m1"),
     {"kind": "image", "pic_url": "http://p/1", "media_id": "m1"}),
    (xml(MsgType="voice", Content=None, MediaId="m2", Format="amr", Recognition="一份卤肉饭"),
     {"kind": "voice", "media_id": "m2", "recognition": "一份卤肉饭", "text": ""}),
    (xml(MsgType="shortvideo", Content=None, MediaId="m3", ThumbMediaId="t"),
     {"kind": "video", "media_id": "m3"}),
    (xml(MsgType="location", Content=None, Location_X="29.123456", Location_Y="-106.5",
         Scale="15", Label="竹园7栋"),
     {"kind": "location", "latitude": 29.123456, "longitude": -106.5, "label": "竹园7栋"}),
    (xml(MsgType="link", Content=None, Title="菜单", Description="d", Url="https://a/b"),
     {"kind": "link", "label": "菜单", "text": "https://a/b"}),
    (xml(MsgType="hologram", Content=None), {"kind": "other", "msg_id": 23456789012345678}),
])
def test_messages(body, expected):
    heard = hear(body)
    assert {name: getattr(heard, name) for name in expected} == expected


@pytest.mark.parametrize(("body", "expected"), [
    (event("subscribe", EventKey=""), {"event": "subscribe", "scene": ""}),
    (event("subscribe", EventKey="qrscene_b_zy7", Ticket="t"), {"scene": "b_zy7"}),
    (event("subscribe", EventKey="last_trade_no_4200"), {"scene": ""}),
    (event("SCAN", EventKey="b_zy7", Ticket="t"), {"event": "SCAN", "scene": "b_zy7"}),
    (event("CLICK", EventKey="MENU_ORDERS"), {"event_key": "MENU_ORDERS", "scene": ""}),
    (event("LOCATION", Latitude="29.5", Longitude="106.25", Precision="40.0"),
     {"latitude": 29.5, "longitude": 106.25, "label": ""}),
    (event("TEMPLATESENDJOBFINISH", MsgID="200163836", Status="failed: system failed"),
     {"msg_id": 200163836, "status": "failed: system failed"}),
])
def test_events(body, expected):
    heard = hear(body)
    assert heard.kind == "event"
    assert {name: getattr(heard, name) for name in expected} == expected


def test_what_an_element_nests_is_passed_over():
    body = xml(MsgType="event", Event="location_select", EventKey="k", Content=None, MsgId=None)
    nested = (b"<SendLocationInfo><Location_X>29</Location_X><EventKey>x</EventKey>"
              b"<Item>1</Item><Item>2</Item></SendLocationInfo></xml>")
    assert hear(body.replace(b"</xml>", nested)).event_key == "k"


def test_a_word_list_typed_by_a_student_is_no_document_type():
    assert hear(xml(Content='<!DOCTYPE x [<!ENTITY a "b">]> &a; <b>')).text.endswith("&a; <b>")


# --- the key: the same push, and no other


def test_a_repeat_has_the_same_key_and_another_message_another():
    again = hear(xml(CreateTime=str(int(STAMP) + 5)))
    assert hear(xml()).key == again.key
    assert hear(xml(MsgId="1")).key != again.key
    assert hear(xml(FromUserName="oOther")).key != again.key
    assert hear(xml(), replace(PLAIN, app_id="wxother")).key != again.key


def test_events_of_one_second_are_told_apart():
    keys = {hear(body).key for body in (
        event("CLICK", EventKey="A"), event("CLICK", EventKey="B"), event("VIEW", EventKey="A"),
        event("CLICK", EventKey="A", CreateTime=str(int(STAMP) + 1)),
        event("TEMPLATESENDJOBFINISH", MsgID="1"), event("TEMPLATESENDJOBFINISH", MsgID="2"))}
    assert len(keys) == 6
    assert hear(event("CLICK", EventKey="A")).key in keys


# --- encrypted accounts


def test_an_encrypted_account_reads_nothing_but_encrypt():
    args, body = sealed_push(xml(Content="里面"))
    both = body.replace(b"<xml>", b"<xml><Content>outside</Content><MsgId>1</MsgId>")
    heard, _ = open_push(ACCOUNT, args, both, now=NOW, allow_plaintext=True)
    assert (heard.text, heard.msg_id) == ("里面", 23456789012345678)
    assert refused(xml(), ACCOUNT) == 403


def test_the_previous_key_still_opens_and_then_seals_the_reply():
    renewed = replace(ACCOUNT, aes_key="B" * 43, previous_aes_key=ACCOUNT.aes_key)
    heard, channel = hear_sealed(xml(), renewed, key=ACCOUNT.aes_key)
    assert channel == Channel(ACCOUNT.aes_key)
    assert ACCOUNT.aes_key not in repr(channel)
    reply = answer(renewed, channel, heard, "好", now=NOW, nonce="n2").decode()
    sealed = reply.partition("<Encrypt><![CDATA[")[2].partition("]]")[0]
    assert "好" in unseal(ACCOUNT.aes_key, ACCOUNT.app_id, sealed).decode()
    assert hear_sealed(xml(), renewed)[1] == Channel("B" * 43)


def test_wrong_app_and_wrong_key_are_refused():
    for kw in ({"app_id": "wxother"}, {"key": "C" * 43}):
        args, body = sealed_push(xml(), ACCOUNT, **kw)
        assert refused(body, ACCOUNT, args=args) == 400


@pytest.mark.parametrize("sealed", [
    "!!!", "中文", "QUJD", "QUJDREVGR0hJSktMTU5PUA==", V4[:-4], V5 + "=", "A" * 44,
])
def test_broken_ciphertext_is_refused(sealed):
    assert refused(_outer(sealed), ACCOUNT, args=sealed_args(ACCOUNT, sealed)) == 400


def test_a_signature_that_covers_another_encrypt_is_refused():
    args, _ = sealed_push(xml())
    _, body = sealed_push(xml(Content="取消A27"))
    assert refused(body, ACCOUNT, args=args) == 403
    assert refused(body, ACCOUNT, args=plain_args(ACCOUNT)) == 403


# --- refusals


def test_plaintext_only_where_it_is_allowed():
    assert refused(xml(), allow_plaintext=False) == 403


@pytest.mark.parametrize("over", [
    {"signature": ""}, {"signature": "0" * 40}, {"signature": "\ud800é"}, {"nonce": "n2"},
    {"nonce": ""}, {"timestamp": ""}, {"timestamp": "soon"}, {"timestamp": "１"},
    {"timestamp": str(int(STAMP) + 1)}, {"timestamp": "9" * 4000},
])
def test_wrong_signatures_are_refused(over):
    assert refused(xml(), args=plain_args(**over)) == 403


def test_five_minutes_and_no_more():
    for age, ok in ((300, True), (-300, True), (301, False), (-301, False)):
        stamp = str(int(STAMP) - age)
        args = plain_args(timestamp=stamp, signature=sign(PLAIN.token, stamp, "n1"))
        if ok:
            assert open_push(PLAIN, args, xml(), now=NOW, allow_plaintext=True)
        else:
            assert refused(xml(), args=args) == 403


@pytest.mark.parametrize("body", [
    b"", b"<xml></xml>", b"<html></html>", b"{}", b"<xml>", b"<xml/><xml/>", b"\xff\xfe<xml/>",
    xml().decode().encode("gbk"), xml().decode().encode("utf-16"),
    xml().decode().encode("utf-16-le"), xml().decode().encode("utf-16-be"),
    b'<!DOCTYPE xml [<!ENTITY a "x">]>' + xml(),
    b'<!DOCTYPE xml SYSTEM "http://127.0.0.1/x.dtd">' + xml(),
    xml().replace(b"<![CDATA[text]]>", b"&undefined;"),
    xml().replace(b"</xml>", b"<MsgId>2</MsgId></xml>"),
    xml().replace("黄".encode(), b"\x00"), xml().replace("黄".encode(), b"\x08"),
    xml().replace("黄".encode(), b"]]>&#0;<![CDATA["),
    xml().replace(b"</xml>", b"<a>" * 5000 + b"</a>" * 5000 + b"</xml>"),
    xml(FromUserName=None), xml(FromUserName=""), xml(FromUserName="o<x>"),
    xml(ToUserName=None), xml(MsgType=None), xml(MsgType=""), xml(Content=None),
    xml(CreateTime=None), xml(CreateTime="now"), xml(CreateTime="1714112445000"),
    xml(CreateTime="-1"), xml(MsgId=None), xml(MsgId="1.5"), xml(MsgId="１"), xml(MsgId="0x1"),
    xml(MsgId="9223372036854775808"), xml(MsgId=" 1"), xml(MsgType="event", Event=None),
    event("TEMPLATESENDJOBFINISH", MsgID="many"), event("LOCATION", Latitude="29.5"),
    xml(MsgType="location", Location_X="nan", Location_Y="1"),
    xml(MsgType="location", Location_X="91", Location_Y="1"),
    xml(MsgType="location", Location_X="1e1", Location_Y="1"),
])
def test_malformed_bodies_are_refused(body):
    assert refused(body) == 400


def test_another_account_and_an_endless_body_are_refused():
    assert refused(xml(ToUserName="gh_other")) == 403
    assert hear(xml(ToUserName="gh_other"), replace(PLAIN, original_id=None))
    assert refused(xml(Content="x" * MAX_BODY_BYTES)) == 413


@pytest.mark.parametrize("over", [
    {"signature": "0" * 40}, {"echostr": ""}, {"echostr": "a\nb"}, {"echostr": "<é>"},
    {"echostr": "x" * 1025},
])
def test_a_bad_handshake_is_refused(over):
    with pytest.raises(BadPush):
        echo(PLAIN, {**plain_args(), "echostr": "1", **over})


# --- replies


def test_a_plain_reply_swaps_the_names():
    reply = answer(PLAIN, Channel(), hear(xml()), "合计 ¥14.50\n<a>]]></a>", now=NOW, nonce="n")
    message = parse_message(reply)
    assert (message.source, message.target) == ("gh_1234567890ab", OPENID)
    assert message.content == "合计 ¥14.50\n<a>]]></a>"
    assert message._data["CreateTime"] == STAMP


def test_nothing_to_say_is_said_in_the_clear():
    heard, channel = hear_sealed(xml())
    for text in ("", " \n", "\x00\x08"):
        assert answer(ACCOUNT, channel, heard, text, now=NOW, nonce="n") == b"success"


@settings(deadline=None)
@given(st.text())
def test_whatever_is_said_the_reply_is_xml(text):
    reply = answer(PLAIN, Channel(), hear(xml()), f"好{text}", now=NOW, nonce="n")
    assert parse_message(reply).content.startswith("好")


# --- any bytes whatever

wild_args = st.dictionaries(
    st.sampled_from(["timestamp", "nonce", "signature", "msg_signature", "encrypt_type", "openid"]),
    st.text(st.characters()) | st.just(STAMP))  # lone surrogates too


def tolerated(account: Account, args: dict[str, str], body: bytes) -> None:
    """Anything but a Heard or a BadPush raises, and so fails the test."""
    try:
        heard, _ = open_push(account, args, body, now=NOW, allow_plaintext=True)
        status = 200 if isinstance(heard, Heard) else None
    except BadPush as bad:
        status = bad.status
    assert status in (200, 400, 403, 413)


@settings(deadline=None)
@given(args=wild_args, body=st.binary(), account=st.sampled_from([PLAIN, ACCOUNT]))
def test_any_arguments_and_bytes(args, body, account):
    tolerated(account, args, body)


soup = st.lists(st.sampled_from(
    [b"<xml>", b"</xml>", b"<MsgId>", b"</MsgId>", b"<![CDATA[", b"]]>", b"&lt;", b"&#1;", b"<a",
     b"<!DOCTYPE a [", b"<!ENTITY a 'b'>", b"]>", b"&a;", b"<?xml encoding='gbk'?>", b"\xc3", b"x",
     b"<!--", b"-->", b"<Encrypt>", b"</Encrypt>", b" ", b"\xed\xa0\x80", b"1"]),
    max_size=30).map(b"".join)


@st.composite
def mangled(draw):
    """A good push with a few bytes put in, taken out or replaced."""
    body = bytearray(draw(st.sampled_from([
        xml(), event("LOCATION", Latitude="1", Longitude="2"), event("CLICK", EventKey="K"),
        xml(MsgType="location", Location_X="1", Location_Y="2")])))
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(body)))
        body[at:at + draw(st.integers(0, 12))] = draw(st.binary(max_size=6) | soup)
    return bytes(body)


@settings(deadline=None, max_examples=400)
@given(st.binary() | soup | mangled())
def test_any_signed_bytes(body):
    tolerated(PLAIN, plain_args(), body)


@settings(deadline=None, max_examples=300)
@given(st.binary() | soup | mangled())
def test_any_sealed_bytes(inner):
    args, body = sealed_push(inner)
    tolerated(ACCOUNT, args, body)


@settings(deadline=None, max_examples=300)
@given(st.binary(max_size=200))
def test_any_bytes_as_ciphertext(raw):
    import base64
    sealed = base64.b64encode(raw).decode()
    tolerated(ACCOUNT, sealed_args(ACCOUNT, sealed), _outer(sealed))
