"""What `doctor` can tell about pushes: WeChat shows nobody the token and the AES key it uses.

So two things are looked at: whether the running web opens what we seal with the settings as they
stand, and why it refused the last push that it could not take.
"""
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select

from bot.refusals import AGE, DECRYPTION, PROBE, SIGNATURE
from bot.wire import seal, sign
from cli.findings import Finding, fail, ok, span, warn
from config.settings import WeChatAccount
from gateways.errors import Unreachable
from gateways.transport import Transport
from models.base import Sessions
from models.campus import Account
from models.inbox import Inbox

EMPTY: Final = b"<xml></xml>"  # refused for what is missing in it, once it has been opened
OPENED: Final = "FromUserName is missing"
LATELY: Final = timedelta(days=1)
LOAD: Final = "then ./paotang campus load FILE"
TODO: Final = {
    SIGNATURE: f"make WECHAT_TOKEN the token of the account's 服务器配置 (Token), {LOAD}",
    DECRYPTION: f"make WECHAT_AES_KEY the account's EncodingAESKey, {LOAD}",
    AGE: "set this machine's clock by NTP",
}


def probe(account: WeChatAccount, public_url: str, now: datetime) -> Finding | None:
    """Whether the web at `public_url` opens a push that says nothing. None: it is not there."""
    try:
        params, body = _sealed(account, str(int(now.timestamp())))
        answer = Transport(public_url).send(
            "POST", f"/wechat/{account.app_id}", params=params, body=body,
            headers={"Content-Type": "text/xml"})
    except (ValueError, Unreachable):  # named among the settings, or with the web
        return None
    about, said = f"pushes to {account.app_id}", answer.body.decode("utf-8", "replace")
    if said == OPENED:
        return ok(about, "web opens what this token and key seal")
    if said == "unknown account":
        return fail(about, "web does not know this account", "run ./paotang campus load FILE")
    return fail(about, f"web refuses what these settings seal: {said[:80]}",
                TODO.get(said, "is PUBLIC_URL this service's?"))


def _sealed(account: WeChatAccount, stamp: str) -> tuple[dict[str, str], bytes]:
    """Query and body of a push as this account sends them. Raises ValueError for a bad key."""
    params = {"timestamp": stamp, "nonce": PROBE, "signature": sign(account.token, stamp, PROBE)}
    if not account.aes_key:
        return params, EMPTY
    sealed = seal(account.aes_key, account.app_id, EMPTY, os.urandom(16))
    signed = {"msg_signature": sign(account.token, stamp, PROBE, sealed)}
    return params | signed, f"<xml><Encrypt>{sealed}</Encrypt></xml>".encode()


def refusals(*, now: datetime) -> Iterator[Finding]:
    """For each account whose last push was refused: why, and what that means."""
    with Sessions() as session:
        accounts = session.execute(select(
            Account.app_id, Account.refused_at, Account.refused_why).order_by(Account.app_id))
        for app_id, at, why in accounts.all():
            if at is None or at < now - LATELY:
                continue
            heard_at = session.scalar(
                select(func.max(Inbox.heard_at)).where(Inbox.app_id == app_id))
            if heard_at is None or heard_at < at:
                yield _refused(app_id, why, span(now - at), heard_at)


def _refused(app_id: str, why: str, ago: str, heard_at: datetime | None) -> Finding:
    """Only who knows the token can sign what is not to be decrypted; the rest anybody can send."""
    certain = why == DECRYPTION or heard_at is None
    says = f"the last one, {ago} ago, was refused: {why}"
    return (fail if certain else warn)(
        f"pushes of {app_id}", says if certain else f"{says} (or somebody forged it)", TODO[why])
