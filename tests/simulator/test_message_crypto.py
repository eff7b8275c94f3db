"""WeChat's own vectors (the documentation's debug tool, WxJava), and every other length."""
import base64
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wechatpy.crypto import PrpCrypto

from simulator.credentials import make_aes_key
from simulator.message_crypto import BadCipher, seal, signature, unseal

KEY, APP_ID = "A" * 43, "wxba5fad812f8e6fb9"
PUSHED = (
    "+qdx1OKCy+5JPCBFWw70tm0fJGb2Jmeia4FCB7kao+/Q5c/ohsOzQHi8khUOb05JCpj0JB4RvQMkUyus8TPxLKJGQqcv"
    "ZqzDpVzazhZv6JsXUnnR8XGT740XgXZUXQ7vJVnAG+tE8NUd4yFyjPy7GgiaviNrlCTj+l5kdfMuFUPpRSrfMZuMcp3F"
    "n2Pede2IuQrKEYwKSqFIZoNqJ4M8EajAsjLY2km32IIjdf8YL/P50F7mStwntrA2cPDrM1kb6mOcfBgRtWygb3VIYnSe"
    "OBrebufAlr7F9mFUPAJGj04=")
SAID = (
    '{"ToUserName":"gh_97417a04a28d","FromUserName":"o9AgO5Kd5ggOC-bXrbNODIiE3bGY",'
    '"CreateTime":1714112445,"MsgType":"event","Event":"debug_demo","debug_str":"hello world"}')


@pytest.mark.parametrize(("parts", "expected"), [
    (("AAAAA", "1714036504", "1514711492"), "f464b24fc39322e44b38aa78f5edd27bd1441696"),
    (("AAAAA", "1714037059", "486452656"), "899cf89e464efb63f54ddac96b0a0a235f53aa78"),
    (("AAAAA", "1714112445", "415670741"), "6c5c811b55cc85e0e1b54100749188c20beb3f5d"),
    (("AAAAA", "1714112445", "415670741", PUSHED), "046e02f8204d34f8ba5fa3b1db94908f3df2e9b3"),
])
def test_official_signatures(parts, expected):
    assert signature(*parts) == expected


def test_official_push():
    assert unseal(PUSHED, KEY, APP_ID) == SAID
    assert seal(SAID, KEY, APP_ID, b"a8eedb185eb2fecf") == PUSHED


def test_official_reply():
    sealed = seal('{"demo_resp":"good luck"}', KEY, APP_ID, b"707722b803182950")

    assert sealed == (
        "ELGduP2YcVatjqIS+eZbp80MNLoAUWvzzyJxgGzxZO/5sAvd070Bs6qrLARC9nVHm48Y4hyRbtzve1L32tmxSQ==")
    assert signature("AAAAA", "1713424427", "415670741", sealed) == \
        "1b9339964ed2e271e7c7b6ff2b0ef902fc94dea1"


def test_chinese_vector():
    sealed = seal("我是中文abcd123", "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG",
                  "wxb11529c136998cb6", b"aaaabbbbccccdddd")

    assert sealed == (
        "jn1L23DB+6ELqJ+6bruv21Y6MD7KeIfP82D6gU39rmkgczbWwt5+3bnyg5K55bgVtVzd832WzZGMhkP72vVOfg==")
    assert signature("pamtest", "1409304348", "xxxxxx", sealed) == \
        "82c962d39941aa48552f90ef55aa323dc620cc10"


@given(st.text(min_size=1, max_size=200))
def test_wechatpy_reads_ours_and_we_read_theirs(text):
    key = make_aes_key()
    oracle = PrpCrypto(base64.b64decode(key + "="))

    assert oracle.decrypt(seal(text, key, APP_ID), APP_ID) == text
    assert unseal(oracle.encrypt(text, APP_ID).decode(), key, APP_ID) == text


@given(st.text(min_size=1, max_size=60), st.integers(0), st.integers(1, 255))
def test_a_changed_byte_raises_bad_cipher_or_nothing(text, place, change):
    raw = bytearray(base64.b64decode(seal(text, KEY, APP_ID)))
    raw[place % len(raw)] ^= change
    with suppress(BadCipher):  # CBC is malleable, so some changes pass: the signature guards them
        unseal(base64.b64encode(raw).decode(), KEY, APP_ID)


@pytest.mark.parametrize("broken", ["", "%%%", "AAAA", "A" * 64, PUSHED[:-24]])
def test_rubbish_is_refused(broken):
    with pytest.raises(BadCipher):
        unseal(broken, KEY, APP_ID)


def test_another_account_is_refused():
    with pytest.raises(BadCipher, match="app id"):
        unseal(PUSHED, KEY, "wx0000000000000000")
