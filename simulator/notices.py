"""WeChat Pay's notices to a notify_url: sealed, signed, and sent until they are heard (C5, C8)."""
import json
import secrets
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulator import outgoing, pay_crypto, platform_keys

if TYPE_CHECKING:
    from simulator.faults import Fault
    from simulator.world import World

LADDER_S = (15, 15, 30, 180, 600, 1200, 1800, 1800, 1800, 3600, 10800, 10800, 10800, 21600, 21600)
TRANSFER_LADDER_S = (15,) * 10 + (300,) * 10 + (1800,) * 44


def _new_id() -> str:
    text = secrets.token_hex(16)
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


@dataclass(frozen=True, slots=True)
class Notice:
    """One piece of news. kind, as in faults ("notify/refund"): transaction, refund or transfer.

    `original_type` and `told` are what the sealed resource says it is, and says. `heard` is
    called once it was accepted.
    """

    url: str
    kind: str
    event: str
    summary: str
    original_type: str
    told: dict[str, Any]
    heard: Callable[[], None]
    create_time: str
    ladder_s: tuple[int, ...] = LADDER_S
    id: str = field(default_factory=_new_id)


def send(world: "World", notice: Notice, delay_s: float = 0.0) -> None:
    """In the background, again and again by its ladder until it is heard."""
    world.schedule.after(delay_s, lambda: _attempt(world, notice, 0))


def _attempt(world: "World", notice: Notice, rung: int) -> None:
    """One delivery and its repeats; the next rung of the ladder if it was not heard."""
    fault = world.faults.take(f"notify/{notice.kind}")
    if fault and fault.behind:
        world.held.hold("notify", fault.behind, lambda: _go(world, notice, rung))
    elif fault and fault.delay_s:
        # One that lasts until it is switched off must not delay the same attempt for ever.
        late = _go if fault.times is None else _attempt
        world.schedule.after(fault.delay_s, lambda: late(world, notice, rung))
    else:
        _go(world, notice, rung, fault)
        world.held.passed("notify")


def _go(world: "World", notice: Notice, rung: int, fault: "Fault | None" = None) -> None:
    heard = False
    for _ in range(1 + (fault.repeat if fault else 0)):
        if fault and fault.signtest:
            _deliver(world, notice, fault, signtest=True)
        heard = not _is_lost(world, notice, fault) and _deliver(world, notice, fault) \
            and not (fault and fault.lose_answer)
    if heard:
        with world.lock:
            notice.heard()
    elif rung < len(notice.ladder_s):
        world.schedule.after(notice.ladder_s[rung] * world.knobs.notify_scale,
                             lambda: _attempt(world, notice, rung + 1))


def _is_lost(world: "World", notice: Notice, fault: "Fault | None") -> bool:
    if not (fault and fault.drop):
        return False
    world.note("notify", notice=notice.kind, url=notice.url, plain=notice.told, status=None,
               error="lost on the way", fault=fault.label)
    return True


def _deliver(world: "World", notice: Notice, fault: "Fault | None" = None, *,
             signtest: bool = False) -> bool:
    """POST the notice once. True: 200 or 204 came in time, and it was not a probe."""
    told = _changed(notice.told, fault.change if fault else {})
    body = _sealed(world, notice, told)
    headers = platform_keys.signature_headers(world, body)
    if signtest:
        headers["Wechatpay-Signature"] = "WECHATPAY/SIGNTEST/" + headers["Wechatpay-Signature"]
    elif fault and fault.forge:
        headers = _forged(world, headers, body)
    answer = outgoing.send("POST", notice.url, world.knobs.notify_timeout_s, body=body.encode(),
                           headers={**headers, "Content-Type": "application/json"})
    world.note("notify", notice=notice.kind, url=notice.url, headers=headers,
               request=json.loads(body), plain=told, status=answer.status, error=answer.error,
               signtest=signtest, response=answer.body.decode("utf-8", "replace")[:1000],
               took_ms=round(answer.took_s * 1000), fault=fault.label if fault else None)
    return answer.status in (200, 204) and not signtest


def _forged(world: "World", headers: dict[str, str], body: str) -> dict[str, str]:
    """A signature that was made over something else, by the key that is named."""
    other = platform_keys.signature_headers(world, body + " ", asked=headers["Wechatpay-Serial"])
    return headers | {"Wechatpay-Signature": other["Wechatpay-Signature"]}


def _changed(told: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    other = deepcopy(told)
    for path, value in change.items():
        *outer, last = path.split(".")
        inner = other
        for name in outer:
            inner = inner.setdefault(name, {})
        inner[last] = value
    return other


def _sealed(world: "World", notice: Notice, told: dict[str, Any]) -> str:
    plain = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    ciphertext, nonce = pay_crypto.seal(
        plain, world.credentials.api_v3_key, notice.original_type)
    return json.dumps({
        "id": notice.id, "create_time": notice.create_time, "event_type": notice.event,
        "resource_type": "encrypt-resource", "summary": notice.summary, "resource": {
            "original_type": notice.original_type, "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": ciphertext, "associated_data": notice.original_type,
            "nonce": nonce}}, ensure_ascii=False, separators=(",", ":"))
