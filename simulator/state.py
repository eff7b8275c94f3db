"""What the simulated WeChat remembers: plain records whose fields are all JSON's own types."""
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Knobs:
    """What the documents leave open, or what a test wants quicker. Seconds unless named otherwise.

    Timestamps inside signatures follow the real clock (both ends check them within five minutes),
    unless `wire_follows_world` is set; `wire_skew_s` makes them wrong on purpose.
    """

    deliveries: int = 3
    reply_timeout_s: float = 5.0
    retry_pause_s: float = 0.5  # after a delivery that failed at once; a silent one has waited
    text_cap_bytes: int = 2048
    message_quota: int = 5
    message_window_s: float = 48 * 3600
    brief_quota: int = 3
    brief_window_s: float = 60
    typing_window_s: float = 30
    typing_lasts_s: float = 15
    token_life_s: int = 7200
    token_overlap_s: float = 300
    tokens_a_day: int = 2000
    forced_refreshes_a_day: int = 20
    forced_refresh_apart_s: float = 30
    custom_sends_a_day: int = 500_000
    template_sends_a_day: int = 100_000
    template_repeat_s: float = 600
    template_report_s: float = 0.1
    subscription_repeat_s: float = 600
    daily_limits: dict[str, int] = field(default_factory=dict)  # API path → calls a day
    clears_a_month: int = 10
    mark_fail_after: int = 10  # pushes in a row that failed; then none for mark_fail_s
    mark_fail_s: float = 60
    ip_whitelist: list[str] = field(default_factory=list)  # empty: any caller
    oauth_hosts: list[str] = field(default_factory=list)  # empty: any loopback host
    oauth_code_s: float = 300
    const_values: dict[str, list[str]] = field(default_factory=dict)  # "paid.const4" → allowed
    marketing_words: tuple[str, ...] = (
        "优惠", "折扣", "打折", "满减", "立减", "秒杀", "限时", "特价", "促销",
        "红包", "抽奖", "返现", "免单", "券")
    payee: str = "校园跑堂"
    flow_lag_s: float = 0.0  # so long after a payment it stands in the fund-flow bill
    refund_takes_s: float = 1.0
    refunds_apart_s: float = 60
    transfer_takes_s: float = 1.0
    transfer_confirm_s: float = 86400
    transfer_needs_confirm: bool = True
    transfer_scenes: list[str] = field(default_factory=lambda: ["1000", "1005"])
    operation_balance_fen: int = 1_000_000_00
    profit_sharing_ratio: float = 0.3
    public_key_share: float = 1.0  # of notices and answers; 0: a merchant with certificates only
    notify_timeout_s: float = 5.0
    notify_scale: float = 1.0  # 0.01 plays the resend ladder a hundred times quicker
    close_paid_code: str = "ORDERPAID"
    wire_skew_s: float = 0.0
    wire_follows_world: bool = False


@dataclass(slots=True)
class Account:
    """An official account as its console shows it. mode: plain, compat (兼容) or safe (安全)."""

    app_id: str
    secret: str
    token: str
    aes_key: str | None
    original_id: str
    mode: str = "safe"
    certified: bool = True
    menu: dict[str, Any] | None = None
    conditional_menus: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)  # id → name
    templates: list[dict[str, Any]] = field(default_factory=list)
    notice_templates: list[dict[str, Any]] = field(default_factory=list)  # 订阅通知
    industries: list[int] = field(default_factory=lambda: [1, 10])
    speech_recognition: bool = True


@dataclass(slots=True)
class Phone:
    """One person's WeChat, and what the account knows of them.

    `windows`: what opened it (message, tap, follow, scan) → [until, messages left].
    """

    id: str
    name: str
    role: str
    openid: str
    app_id: str
    followed: bool = True
    subscribe_time: int = 0
    subscribe_scene: str = "ADD_SCENE_SEARCH"
    qr_scene_str: str = ""
    remark: str = ""
    tags: list[int] = field(default_factory=list)
    windows: dict[str, list[float]] = field(default_factory=dict)
    last_message_at: float = 0.0
    typing_until: float = 0.0
    blocks_templates: bool = False
    subscriptions: dict[str, int] = field(default_factory=dict)  # template id → consents left


@dataclass(slots=True)
class AccessToken:
    """family: plain (cgi-bin/token) or stable. A token dies at `until`, for good when `killed`."""

    value: str
    app_id: str
    family: str
    until: float
    killed: bool = False


@dataclass(slots=True)
class Order:
    """A WeChat Pay order. `params` is the request it was first made with; money in fen."""

    out_trade_no: str
    app_id: str
    openid: str
    total: int
    params: dict[str, Any]
    made_at: float
    expires_at: float
    state: str = "NOTPAY"
    transaction_id: str = ""
    paid_at: float = 0.0
    notified: bool = False
    trade_type: str = "JSAPI"  # or NATIVE, MWEB: then openid is whoever paid


@dataclass(slots=True)
class Prepay:
    prepay_id: str
    out_trade_no: str
    until: float


@dataclass(slots=True)
class Refund:
    """A refund that was accepted. `amount` in fen; status PROCESSING, SUCCESS, CLOSED, ABNORMAL."""

    out_refund_no: str
    refund_id: str
    out_trade_no: str
    amount: int
    params: dict[str, Any]
    made_at: float
    status: str = "PROCESSING"
    success_at: float = 0.0
    notified: bool = False
    account: str = "支付用户零钱"


@dataclass(slots=True)
class Transfer:
    """商家转账. `amount` in fen; state as in the fact sheet C8; `package` is for the page."""

    out_bill_no: str
    transfer_bill_no: str
    app_id: str
    openid: str
    amount: int
    params: dict[str, Any]
    made_at: float
    state: str
    package: str = ""
    updated_at: float = 0.0
    fail_reason: str = ""
    notified: bool = False


@dataclass(slots=True)
class Share:
    """A 分账 order: receivers with their results, and what came back of it (number → return)."""

    out_order_no: str
    order_id: str
    transaction_id: str
    receivers: list[dict[str, Any]]
    params: dict[str, Any]
    made_at: float
    unfrozen: bool = False
    returns: dict[str, dict[str, Any]] = field(default_factory=dict)


@dataclass(slots=True)
class PlatformCertificate:
    """WeChat Pay's own certificate and the key behind it. It signs from `used_from` on."""

    serial: str
    certificate_pem: str
    key_pem: str
    effective_at: float
    expires_at: float
    used_from: float
