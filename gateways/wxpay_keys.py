"""What WeChat Pay signs with: its public key, its platform certificates, or either.

A new merchant has WeChat Pay's public key, which never expires. An older one downloads platform
certificates, several at a time, which are replaced while in use; WeChat Pay wants them asked for
at least every twelve hours. While it migrates a merchant, notifications come by both, so both are
known at the same time.
"""
import json
import re
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from wechatpayv3.utils import aes_decrypt

from gateways.errors import Unreachable

REFRESH: Final = timedelta(hours=6)
AGAIN: Final = timedelta(minutes=1)  # between two questions after serials that nobody knows
_SERIAL: Final = re.compile(r"[0-9A-Fa-f]{1,64}")
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class PlatformKeys:
    """Finds the key that a Wechatpay-Serial names. Safe for threads.

    `fetch` asks /v3/certificates: (HTTP status, body); it raises Unreachable. It is called for
    a merchant without a public key when what is known is older than REFRESH, and for any
    merchant when a serial is unknown: for a notification once in AGAIN at most, since strangers
    send serials too; for an answer, which comes from where we asked, at once.
    """

    def __init__(self, public_key_id: str | None, public_key: RSAPublicKey | None,
                 api_v3_key: str, fetch: Callable[[], tuple[int, str]]) -> None:
        self._public_key_id, self._public_key = public_key_id, public_key
        self._api_v3_key, self._fetch = api_v3_key, fetch
        self._certificates: tuple[x509.Certificate, ...] = ()
        self._fetched_at = self._asked_at = _NEVER
        self._lock = threading.Lock()

    def key_of(self, serial: str, *, now: datetime, is_answer: bool) -> RSAPublicKey | None:
        """The key that goes by `serial`, asked for where that is due; None: it is nobody's.

        When nothing could be had, what was known before still counts.
        """
        if self._public_key_id and serial == self._public_key_id:
            return self._public_key
        if not _SERIAL.fullmatch(serial):
            return None
        if not self._public_key_id and now - self._fetched_at >= REFRESH:
            self._ask_once(now, wait=not self._certificates)
        found = self._found(serial, now)
        if found is None and self._ask_once(now, wait=True, at_once=is_answer):
            found = self._found(serial, now)
        return found

    def refresh(self, *, now: datetime) -> None:
        """Ask now. Raises Unreachable, keeping those known, when none could be had."""
        with self._lock:
            self._renew(now)

    def newest(self, *, now: datetime) -> x509.Certificate:
        """The certificate under which sensitive fields are sealed. Raises Unreachable."""
        if now - self._fetched_at >= REFRESH:
            self._ask_once(now, wait=not self._certificates)
        if not (valid := _valid(self._certificates, now)):
            raise Unreachable("no platform certificate to be had")
        return max(valid, key=lambda certificate: certificate.not_valid_after_utc)

    def known(self, *, now: datetime) -> Sequence[x509.Certificate]:
        return _valid(self._certificates, now)

    def _found(self, serial: str, now: datetime) -> RSAPublicKey | None:
        number = int(serial, 16)
        for certificate in _valid(self._certificates, now):
            key = certificate.public_key()
            if certificate.serial_number == number and isinstance(key, RSAPublicKey):
                return key
        return None

    def _ask_once(self, now: datetime, *, wait: bool, at_once: bool = False) -> bool:
        """Whether something was learnt: by us, or by another thread while we waited."""
        seen = self._fetched_at
        if not self._lock.acquire(blocking=wait):
            return False
        try:
            if self._fetched_at == seen and (at_once or now - self._asked_at >= AGAIN):
                self._renew(now)
        except Unreachable:
            return False
        finally:
            self._lock.release()
        return self._fetched_at != seen or at_once

    def _renew(self, now: datetime) -> None:
        self._asked_at = now
        status, body = self._fetch()
        if status != 200:
            raise Unreachable(f"no platform certificate to be had: HTTP {status}")
        if not (certificates := _read(body, self._api_v3_key)):
            raise Unreachable("no platform certificate to be had")
        self._certificates, self._fetched_at = certificates, now


def _valid(certificates: Sequence[x509.Certificate], now: datetime) -> list[x509.Certificate]:
    return [c for c in certificates if c.not_valid_before_utc <= now < c.not_valid_after_utc]


def _read(body: str, api_v3_key: str) -> tuple[x509.Certificate, ...]:
    """The certificates in an answer. Whoever knows our APIv3 key made them: that is the proof."""
    try:
        rows: Any = json.loads(body)["data"]
        return tuple(_opened(row["encrypt_certificate"], api_v3_key) for row in rows)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InvalidTag) as error:
        raise Unreachable(f"certificates: {type(error).__name__}") from error


def _opened(sealed: dict[str, str], api_v3_key: str) -> x509.Certificate:
    pem = aes_decrypt(nonce=sealed["nonce"], ciphertext=sealed["ciphertext"],
                      associated_data=sealed["associated_data"], apiv3_key=api_v3_key)
    return x509.load_pem_x509_certificate(pem.encode())
