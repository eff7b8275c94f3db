"""WeChat Pay v3 for a merchant that collects for itself: JSAPI orders, refunds, notifications.

wechatpayv3 knows paths, fields and cryptography; how it talks and whom it believes is ours
(docs/adr/0004-own-transport-to-wechat.md). Rules are those of pay.weixin.qq.com/doc/v3/merchant.
"""
import json
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any, Final, TypeVar

from wechatpayv3 import WeChatPay, WeChatPayType
from wechatpayv3.core import Core
from wechatpayv3.type import RequestType
from wechatpayv3.utils import rsa_sign, rsa_verify

from config.settings import ConfigurationError, PaySettings
from gateways import bills
from gateways.errors import GatewayError, Refused, Unreachable
from gateways.transport import Transport
from gateways.wxpay_keys import PlatformKeys

MAX_SKEW_S: Final = 300  # WeChat Pay's own limit, both ways
MAX_NOTICE_BYTES: Final = 64 * 1024
MAX_DESCRIPTION_BYTES: Final = 127
MAX_REASON_BYTES: Final = 80
_SIGNATURE_TYPE: Final = "WECHATPAY2-SHA256-RSA2048"
_SIGNED_HEADERS: Final = ("Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature",
                          "Wechatpay-Serial", "Wechatpay-Signature-Type")
_CHINA: Final = timezone(timedelta(hours=8))
# WeChat Pay also allows "|", which travels as %7C and so spoils the request's signature.
_TRADE_NO: Final = re.compile(r"[0-9A-Za-z_*-]{6,32}")
_REFUND_NO: Final = re.compile(r"[0-9A-Za-z_*@-]{1,64}")
_BILL_NO: Final = re.compile(r"[0-9A-Za-z]{6,32}")
_TRANSFERS: Final = "/v3/fund-app/mch-transfer/transfer-bills"
_TRANSFER_ENDED: Final = frozenset({"SUCCESS", "FAIL", "CANCELLED"})
_PAID_CODES: Final = frozenset({"ORDERPAID", "ORDER_PAID"})

Json = dict[str, Any]
T = TypeVar("T")


class AlreadyPaid(Refused):
    """The order cannot be closed or ordered anew: its money has arrived."""


class BadNotice(GatewayError):
    """Not a notification of WeChat Pay's, or not a fresh or whole one. Answer 4xx."""


@dataclass(frozen=True, slots=True)
class Transaction:
    """What WeChat Pay knows of one out_trade_no.

    `state`: NOTPAY, SUCCESS, REFUND (also after a partial refund), CLOSED; only pay codes know
    REVOKED, USERPAYING, PAYERROR. Until it is paid, what comes with the payment is None.
    """

    state: str
    out_trade_no: str
    app_id: str
    mch_id: str
    transaction_id: str | None
    amount_fen: int | None
    payer_openid: str | None
    success_at: datetime | None
    attach: str
    currency: str = "CNY"

    @property
    def is_paid(self) -> bool:
        return self.state in ("SUCCESS", "REFUND")


@dataclass(frozen=True, slots=True)
class RefundState:
    """`state`: PROCESSING → SUCCESS, CLOSED (needs a new number) or ABNORMAL (needs a person)."""

    state: str
    refund_id: str
    out_refund_no: str
    out_trade_no: str
    transaction_id: str
    refund_fen: int
    total_fen: int
    success_at: datetime | None


@dataclass(frozen=True, slots=True)
class TransferState:
    """`state`: ACCEPTED, PROCESSING, WAIT_USER_CONFIRM (the person must tap, with `package`),
    TRANSFERING, CANCELING → SUCCESS, FAIL, CANCELLED. `amount_fen` None: it was not told.
    `made_at`: since when WeChat Pay knows of it."""

    state: str
    out_bill_no: str
    transfer_bill_no: str
    amount_fen: int | None = None
    package: str | None = None
    fail_reason: str = ""
    made_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TransferNotice:
    notice_id: str
    mch_id: str
    transfer: TransferState


@dataclass(frozen=True, slots=True)
class PaymentNotice:
    """May come several times and late. `notice_id` is the same each time."""

    notice_id: str
    transaction: Transaction


@dataclass(frozen=True, slots=True)
class RefundNotice:
    notice_id: str
    mch_id: str
    refund: RefundState


def _utcnow() -> datetime:
    return datetime.now(UTC)


class WxPay:
    """One merchant number. Calls raise Unreachable or Refused, nothing else; `code` is a str.

    After an Unreachable or a Refused the number stays the same: ask `query` or `query_refund`
    what became of it, or send the same request again. `now` stamps our signatures and judges
    WeChat Pay's. Which keys it believes, and when it asks for new ones: gateways/wxpay_keys.py.
    Raises ConfigurationError when a key cannot be read.
    """

    def __init__(self, pay: PaySettings, *, api_base: str,
                 now: Callable[[], datetime] = _utcnow) -> None:
        self._mch_id = pay.mch_id
        self._core = _Core(pay, api_base, now)
        self._client = _Client(self._core, pay.mch_id)

    def prepay(self, out_trade_no: str, *, app_id: str, openid: str, amount_fen: int,
               description: str, notify_url: str, expires_at: datetime, attach: str = "") -> str:
        """Place an order and return its prepay_id, which can be paid for 2 hours.

        Repeating it with equal arguments is harmless and gives a new prepay_id. Raises
        AlreadyPaid; Refused OUT_TRADE_NO_USED (other arguments before), ORDER_CLOSED, …
        """
        told = self._told(self._client.pay(
            description=_cut(description, MAX_DESCRIPTION_BYTES), attach=attach or None,
            out_trade_no=_checked_no(out_trade_no, _TRADE_NO), appid=app_id,
            amount={"total": amount_fen, "currency": "CNY"}, payer={"openid": openid},
            time_expire=_rfc3339(expires_at), notify_url=notify_url))
        return _field(told, "prepay_id", str)

    def page_params(self, app_id: str, prepay_id: str, *, now: datetime,
                    nonce: str) -> dict[str, str]:
        """What the page hands to getBrandWCPayRequest; `nonce` ≤ 32 characters."""
        stamp, package = str(int(now.timestamp())), f"prepay_id={prepay_id}"
        return {"appId": app_id, "timeStamp": stamp, "nonceStr": nonce, "package": package,
                "signType": "RSA",
                "paySign": str(self._client.sign([app_id, stamp, nonce, package]))}

    def query(self, out_trade_no: str) -> Transaction:
        """Refused ORDER_NOT_EXIST: no such order was ever placed."""
        number = _checked_no(out_trade_no, _TRADE_NO)
        return _transaction(self._told(self._client.query(out_trade_no=number)))

    def close(self, out_trade_no: str) -> None:
        """See to it that the order can no longer be paid. Closing twice is harmless.

        Raises AlreadyPaid. The code that says so is not documented, so a refusal is checked by a
        query. Refused ORDER_NOT_EXIST: it was never placed.
        """
        number = _checked_no(out_trade_no, _TRADE_NO)
        try:
            self._told(self._client.close(number))
        except AlreadyPaid:
            raise
        except Refused as refusal:
            if refusal.code == "ORDER_CLOSED":
                return
            if refusal.code != "ORDER_NOT_EXIST" and self.query(number).is_paid:
                raise AlreadyPaid(refusal.code, str(refusal)) from refusal
            raise

    def refund(self, out_refund_no: str, *, out_trade_no: str, refund_fen: int, total_fen: int,
               reason: str, notify_url: str) -> RefundState:
        """Give `refund_fen` of the order's `total_fen` back; the answer is usually PROCESSING.

        The same out_refund_no refunds once, however often it is sent. Without a notify_url the
        result would come as a v2 XML callback.
        """
        return _refund(self._told(self._client.refund(
            out_refund_no=_checked_no(out_refund_no, _REFUND_NO),
            out_trade_no=_checked_no(out_trade_no, _TRADE_NO),
            amount={"refund": refund_fen, "total": total_fen, "currency": "CNY"},
            reason=_cut(reason, MAX_REASON_BYTES), notify_url=notify_url)))

    def query_refund(self, out_refund_no: str) -> RefundState:
        """Refused RESOURCE_NOT_EXISTS: it was not accepted; send it again, same number."""
        number = _checked_no(out_refund_no, _REFUND_NO)
        return _refund(self._told(self._client.query_refund(number)))

    def transfer(self, out_bill_no: str, *, app_id: str, openid: str, amount_fen: int,
                 remark: str, job: str, about: str, notify_url: str) -> TransferState:
        """Send somebody what they earned (商家转账, scene 1005: `job` and `about` are reported).

        The same number sends once, however often it is asked for with equal arguments.
        """
        return _transfer(self._told(self._core.request(_TRANSFERS, RequestType.POST, {
            "appid": app_id, "out_bill_no": _checked_no(out_bill_no, _BILL_NO), "openid": openid,
            "transfer_scene_id": "1005", "transfer_amount": amount_fen,
            "transfer_remark": remark, "notify_url": notify_url,
            "transfer_scene_report_infos": [
                {"info_type": "岗位类型", "info_content": job},
                {"info_type": "报酬说明", "info_content": about}]}, cipher_data=True)))

    def query_transfer(self, out_bill_no: str) -> TransferState:
        """Refused NOT_FOUND: it never arrived; send it again, same number."""
        number = _checked_no(out_bill_no, _BILL_NO)
        return _transfer(self._told(self._core.request(f"{_TRANSFERS}/out-bill-no/{number}")))

    def cancel_transfer(self, out_bill_no: str) -> TransferState:
        """Take a transfer back that its person has not confirmed; refused once they have.

        The answer is usually CANCELING: it has ended when a question says CANCELLED.
        """
        number = _checked_no(out_bill_no, _BILL_NO)
        return _transfer(self._told(self._core.request(
            f"{_TRANSFERS}/out-bill-no/{number}/cancel", RequestType.POST, {})))

    def trade_bill(self, day: date) -> list[bills.Traded]:
        """All payments and refunds of a day in China. Refused STATEMENT_CREATING: not ready."""
        return [bills.traded(row) for row in self._bill(bills.trade_path(day))]

    def flow_bill(self, day: date, account: str) -> list[bills.Flowed]:
        """How one of the merchant's accounts moved on a day: "BASIC" or "OPERATION"."""
        return [bills.flowed(row) for row in self._bill(bills.flow_path(day, account))]

    def _bill(self, path: str) -> list[bills.Row]:
        return bills.fetch(lambda path: self._told(self._core.request(path)),
                           self._core.download, path)

    def open_notice(self, headers: Mapping[str, str], body: bytes, *,
                    now: datetime) -> PaymentNotice | RefundNotice | TransferNotice:
        """Verify, decrypt and read a notification. Raises BadNotice.

        The network is used only to learn certificates, once a minute at most. `headers` are
        looked up by their usual spelling; any mapping that ignores case will do.
        """
        if len(body) > MAX_NOTICE_BYTES:
            raise BadNotice(f"{len(body)} bytes")
        signed = {name: headers.get(name) or "" for name in _SIGNED_HEADERS}
        self._core.check(signed, body, now)
        try:
            return _notice(self._client.callback(signed, body))
        except BadNotice:
            raise
        except Exception as error:  # wechatpayv3 trips over odd content in every possible way
            raise BadNotice(f"malformed: {type(error).__name__}") from error

    def fetch_certificates(self) -> datetime:
        """Learn the platform's certificates now, for merchants without a public key.

        Until when the last of them is good. Raises Unreachable, keeping those known, when none
        could be had.
        """
        now = self._core.now()
        self._core.keys.refresh(now=now)
        return self._core.keys.newest(now=now).not_valid_after_utc

    @staticmethod
    def _told(answer: tuple[int, str]) -> Json:
        status, text = answer
        if status == 204:
            return {}
        if status in (202, 408, 429) or status >= 500:
            code = _loads(text).get("code", status)
            raise Unreachable(f"HTTP {status} {code}", code=code, perhaps_done=True)
        told = _loads(text)
        if status == 200:
            return told
        code = str(told.get("code") or f"HTTP_{status}")
        why = str(told.get("message", ""))
        raise AlreadyPaid(code, why) if code in _PAID_CODES else Refused(code, why)


class _Client(WeChatPay):  # type: ignore[misc]
    """wechatpayv3's calls over our core. Its constructor would build its own, and in
    certificate mode ask the real WeChat Pay from there."""

    def __init__(self, core: "_Core", mch_id: str) -> None:
        self._type = WeChatPayType.JSAPI
        self._mchid = mch_id
        self._appid = self._notify_url = None
        self._partner_mode = False
        self._core = core


class _Core(Core):  # type: ignore[misc]
    """wechatpayv3's core with a bounded transport, our clock, and no network while verifying."""

    def __init__(self, pay: PaySettings, api_base: str, now: Callable[[], datetime]) -> None:
        if len(pay.api_v3_key.encode()) != 32:
            raise ConfigurationError("WECHAT_PAY_API_V3_KEY must be 32 characters long")
        try:
            super().__init__(pay.mch_id, pay.cert_serial, pay.private_key, pay.api_v3_key,
                             public_key=pay.public_key, public_key_id=pay.public_key_id)
        except Exception as error:  # wechatpayv3 raises nothing more precise
            raise ConfigurationError(
                f"WECHAT_PAY_PRIVATE_KEY or WECHAT_PAY_PUBLIC_KEY: {error}") from error
        self._http = Transport(api_base)
        self.now = now
        self.keys = PlatformKeys(pay.public_key_id, self._public_key, pay.api_v3_key,
                                 lambda: self.request("/v3/certificates", skip_verify=True))

    def _init_certificates(self) -> None:
        """Certificates are fetched when they are needed, not while we are being built."""

    def _last_certificate(self) -> Any:
        """Under which wechatpayv3 seals sensitive fields. Raises Unreachable."""
        return self.keys.newest(now=self.now())

    def check(self, headers: Mapping[str, str], body: bytes, now: datetime, *,
              is_answer: bool = False) -> None:
        """Raise BadNotice unless `body` was signed by WeChat Pay within the last 5 minutes.

        A probe (a signature that begins WECHATPAY/SIGNTEST/) fails here like any forgery.
        """
        stamp = headers.get("Wechatpay-Timestamp") or ""
        if not re.fullmatch(r"[0-9]{1,12}", stamp):
            raise BadNotice("no timestamp")
        if abs(now.timestamp() - int(stamp)) > MAX_SKEW_S:
            raise BadNotice("not of these five minutes")
        if headers.get("Wechatpay-Signature-Type") not in (None, "", _SIGNATURE_TYPE):
            raise BadNotice("unknown signature type")
        if not self._is_signed(headers, body, now, is_answer=is_answer):
            raise BadNotice("wrong signature")

    def _verify_signature(self, headers: Mapping[str, str], body: bytes | str) -> bool:
        return self._is_signed(headers, body, self.now(), is_answer=False)

    def _is_signed(self, headers: Mapping[str, str], body: bytes | str, now: datetime, *,
                   is_answer: bool) -> bool:
        key = self.keys.key_of(headers.get("Wechatpay-Serial") or "", now=now,
                               is_answer=is_answer)
        if key is None:
            return False
        try:
            text = body if isinstance(body, str) else body.decode()
            return bool(rsa_verify(
                headers.get("Wechatpay-Timestamp"), headers.get("Wechatpay-Nonce"), text,
                headers.get("Wechatpay-Signature") or "", key))
        except ValueError:
            return False

    def request(self, path: str, method: RequestType = RequestType.GET, data: Json | None = None,
                skip_verify: bool = False, cipher_data: bool = False,
                **_: Any) -> tuple[int, str]:
        """One signed exchange. Raises Unreachable, also when the answer's signature is wrong.

        `cipher_data`: fields are sealed, so WeChat Pay must hear under which key.
        """
        body = json.dumps(data, ensure_ascii=False).encode(errors="replace") if data else b""
        headers = self._headers(method.value, path, body.decode())
        if cipher_data and not self._public_key_id:
            headers["Wechatpay-Serial"] = f"{self._last_certificate().serial_number:040X}"
        answer = self._http.send(method.value, path, body=body or None, headers=headers)
        if answer.status in (200, 204) and not skip_verify:
            self._check_answer(answer.headers, answer.body)
        return answer.status, answer.body.decode(errors="replace")

    def download(self, path: str) -> bytes:
        """A file: the request is signed, the answer is not. Raises Unreachable."""
        answer = self._http.send("GET", path, headers=self._headers("GET", path, ""),
                                 max_bytes=bills.MAX_BYTES)
        if answer.status != 200:
            raise Unreachable(f"the bill's file: HTTP {answer.status}")
        return answer.body

    def _check_answer(self, headers: Mapping[str, str], body: bytes) -> None:
        try:
            self.check(headers, body, self.now(), is_answer=True)
        except BadNotice as error:
            raise Unreachable(f"WeChat Pay's answer: {error}", perhaps_done=True) from error

    def _headers(self, method: str, path: str, body: str) -> dict[str, str]:
        stamp, nonce = int(self.now().timestamp()), secrets.token_hex(16)
        signature = rsa_sign(self._private_key, f"{method}\n{path}\n{stamp}\n{nonce}\n{body}\n")
        headers = {
            "Authorization": f'{_SIGNATURE_TYPE} mchid="{self._mchid}",nonce_str="{nonce}",'
                             f'signature="{signature}",timestamp="{stamp}",'
                             f'serial_no="{self._cert_serial_no}"',
            "Accept": "application/json", "Content-Type": "application/json",
            "User-Agent": "paotang"}
        if self._public_key_id:
            headers["Wechatpay-Serial"] = self._public_key_id
        return headers


def _notice(told: Any) -> PaymentNotice | RefundNotice | TransferNotice:
    if not told:  # wechatpayv3 could not decrypt it
        raise BadNotice("cannot be decrypted")
    notice_id, resource = _field(told, "id", str), told["resource"]
    match told["event_type"].partition(".")[0]:
        case "TRANSACTION":
            return PaymentNotice(notice_id, _transaction(resource))
        case "REFUND":
            return RefundNotice(notice_id, _field(resource, "mchid", str), _refund(resource))
        case "MCHTRANSFER":
            return TransferNotice(notice_id, _field(resource, "mch_id", str), _transfer(resource))
    raise BadNotice("unknown event type")


def _transaction(told: Json) -> Transaction:
    success = told.get("success_time")
    amount = told.get("amount") or {}
    return Transaction(
        state=_field(told, "trade_state", str),
        out_trade_no=_field(told, "out_trade_no", str),
        app_id=_field(told, "appid", str),
        mch_id=_field(told, "mchid", str),
        transaction_id=told.get("transaction_id"),
        amount_fen=_field(amount, "total", int) if amount else None,
        payer_openid=(told.get("payer") or {}).get("openid"),
        success_at=_moment(success) if success else None,
        attach=str(told.get("attach") or ""),
        currency=str(amount.get("currency") or "CNY"))


def _refund(told: Json) -> RefundState:
    """A notification calls `refund_status` what an answer calls `status`."""
    amount = _field(told, "amount", dict)
    success = told.get("success_time")
    return RefundState(
        state=_field(told, "refund_status" if "refund_status" in told else "status", str),
        refund_id=_field(told, "refund_id", str),
        out_refund_no=_field(told, "out_refund_no", str),
        out_trade_no=_field(told, "out_trade_no", str),
        transaction_id=_field(told, "transaction_id", str),
        refund_fen=_field(amount, "refund", int),
        total_fen=_field(amount, "total", int),
        success_at=_moment(success) if success else None)


def _transfer(told: Json) -> TransferState:
    state, updated = _field(told, "state", str), told.get("update_time")
    made = told.get("create_time")
    amount = told.get("transfer_amount")
    return TransferState(
        state, _field(told, "out_bill_no", str), _field(told, "transfer_bill_no", str),
        amount_fen=amount if isinstance(amount, int) else None,
        package=told.get("package_info"), fail_reason=str(told.get("fail_reason") or ""),
        made_at=_moment(made) if made else None,
        ended_at=_moment(updated) if updated and state in _TRANSFER_ENDED else None)


def _field(told: Json, name: str, kind: type[T]) -> T:
    value = told.get(name)
    if not isinstance(value, kind) or isinstance(value, bool):
        raise Unreachable(f"WeChat Pay's answer lacks {name}", perhaps_done=True)
    return value


def _loads(text: str) -> Json:
    """The JSON object in `text`; an empty one where there is none."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _moment(rfc3339: str) -> datetime:
    try:
        moment = datetime.fromisoformat(rfc3339)
        return moment.replace(tzinfo=moment.tzinfo or _CHINA).astimezone(UTC)
    except (ValueError, TypeError, OverflowError) as error:
        raise Unreachable("WeChat Pay's answer has no readable time") from error


def _rfc3339(moment: datetime) -> str:
    return moment.astimezone(_CHINA).isoformat(timespec="seconds")


def _checked_no(number: str, pattern: re.Pattern[str]) -> str:
    """Numbers go into paths, so nothing else gets near them."""
    if not pattern.fullmatch(number):
        raise Refused("PARAM_ERROR", f"{number!r} cannot be a number of ours")
    return number


def _cut(text: str, max_bytes: int) -> str:
    """As much of `text` as fits, never half a character."""
    return text.encode(errors="replace")[:max_bytes].decode(errors="ignore")
