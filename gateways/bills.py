"""WeChat Pay's bills of a day: what it took and gave back, and how its accounts moved.

A bill is ready at about ten the next morning. It is read by header: columns come and go.
"""
import csv
import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final
from urllib.parse import urlsplit

from gateways.errors import Refused, Unreachable

MAX_BYTES: Final = 64 << 20
NOTHING: Final = "NO_STATEMENT_EXIST"  # a day without trade
NOT_READY: Final = "STATEMENT_CREATING"

Row = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Traded:
    """A line of the trade bill. `number`: ours; `wechat_number`: theirs, of the payment or of the
    refund. `state`: SUCCESS, of a refund also PROCESSING, FAIL, CHANGE. `fee_fen`: what WeChat Pay
    keeps of it, negative where it gives some back; the bill says it to a thousandth of a fen."""

    is_refund: bool
    number: str
    wechat_number: str
    amount_fen: int
    state: str
    fee_fen: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Flowed:
    """A line of the fund-flow bill. `serial` names it; `proof` is our number, where there is one;
    `wechat_number` is theirs: a fee has that of its payment or refund. `amount_fen` is negative
    where money left."""

    serial: str
    kind: str
    proof: str
    amount_fen: int
    wechat_number: str = ""


def fetch(ask: Callable[[str], Mapping[str, object]], download: Callable[[str], bytes],
          path: str) -> list[Row]:
    """The rows behind a bill's address; none where nothing was traded.

    `ask` exchanges a signed request, `download` fetches a file. Raises Unreachable; Refused
    STATEMENT_CREATING before it is ready.
    """
    try:
        told = ask(path)
    except Refused as refusal:
        if refusal.code == NOTHING:
            return []
        raise
    url = urlsplit(str(told.get("download_url") or ""))
    content = download(f"{url.path}?{url.query}")
    if hashlib.sha1(content).hexdigest() != str(told.get("hash_value")).lower():  # WeChat's choice
        raise Unreachable("the bill's file is not the one that was offered")
    return list(_rows(content))


def trade_path(day: date) -> str:
    return f"/v3/bill/tradebill?bill_date={day.isoformat()}&bill_type=ALL"


def flow_path(day: date, account: str) -> str:
    """`account`: BASIC (payments and refunds) or OPERATION (transfers to people)."""
    return f"/v3/bill/fundflowbill?bill_date={day.isoformat()}&account_type={account}"


def traded(row: Row) -> Traded:
    if row["交易状态"] == "REFUND":
        return Traded(True, row["商户退款单号"], row["微信退款单号"], _fen(row["退款金额"]),
                      row["退款状态"], _parts(row["手续费"]))
    return Traded(False, row["商户订单号"], row["微信订单号"], _fen(row["订单金额"]),
                  row["交易状态"], _parts(row["手续费"]))


def flowed(row: Row) -> Flowed:
    sign = -1 if row["收支类型"] == "支出" else 1
    return Flowed(row["资金流水单号"], row["业务类型"], row["业务凭证号"],
                  sign * _fen(row["收支金额(元)"]), row["微信支付业务单号"])


def _rows(content: bytes) -> Iterator[Row]:
    """Header, rows, the summary's header and the summary, which is left out; values wear `."""
    lines = list(csv.reader(content.decode("utf-8-sig").splitlines(), quoting=csv.QUOTE_NONE))
    if len(lines) < 3:
        raise Unreachable("the bill has no header or no summary")
    head = lines[0]
    for line in lines[1:-2]:
        if len(line) != len(head):
            raise Unreachable(f"a bill's line has {len(line)} values, not {len(head)}")
        yield dict(zip(head, (value.removeprefix("`").strip() for value in line), strict=True))


def _fen(yuan: str) -> int:
    fen = _parts(yuan)
    if fen != int(fen):
        raise Unreachable(f"{yuan} yuan is no whole number of fen")
    return int(fen)


def _parts(yuan: str) -> Decimal:
    """In fen, with parts of one."""
    try:
        return Decimal(yuan) * 100
    except InvalidOperation:
        raise Unreachable("an amount of the bill cannot be read") from None
