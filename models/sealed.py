"""Text that is sealed with SECRET_KEY before it reaches the database."""
import hashlib
import json
from base64 import urlsafe_b64encode
from functools import cache
from typing import Any

from cryptography.fernet import Fernet
from sqlalchemy import Dialect, LargeBinary
from sqlalchemy.types import TypeDecorator

from config import settings


@cache
def _vault(secret_key: str) -> Fernet:
    return Fernet(urlsafe_b64encode(hashlib.sha256(f"seal:{secret_key}".encode()).digest()))


def seal(text: str) -> bytes:
    """`text`, to be read again by `unseal` only: for what is kept outside the database."""
    return _vault(settings.load().secret_key).encrypt(text.encode())


def unseal(sealed: bytes) -> str:
    """Raises cryptography's InvalidToken where it was sealed with another key, or is damaged."""
    return _vault(settings.load().secret_key).decrypt(sealed).decode()


class Sealed(TypeDecorator[str]):
    """A str in Python, a Fernet token in Postgres. Not to be searched or compared in SQL."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:
        if value is None:
            return None
        return _vault(settings.load().secret_key).encrypt(value.encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> str | None:
        if value is None:
            return None
        return _vault(settings.load().secret_key).decrypt(bytes(value)).decode()


class SealedJson(TypeDecorator[dict[str, Any]]):
    """A dict of plain JSON in Python, sealed in Postgres; NULL is {}. Assign it anew to change."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: dict[str, Any] | None, dialect: Dialect) -> bytes | None:
        if not value:
            return None
        return _vault(settings.load().secret_key).encrypt(
            json.dumps(value, ensure_ascii=False).encode())

    def process_result_value(self, value: Any, dialect: Dialect) -> dict[str, Any]:
        if value is None:
            return {}
        opened: dict[str, Any] = json.loads(
            _vault(settings.load().secret_key).decrypt(bytes(value)))
        return opened
