"""WeChat Pay v3's signatures and sealed resources (fact sheet C1, C2, C5)."""
import base64
import re
import secrets
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SCHEME = "WECHATPAY2-SHA256-RSA2048"
_PAIR = re.compile(r'\s*([a-z_]+)="([^"]*)"\s*')


def message(*lines: str) -> str:
    """What is signed: every line, the last one too, ends in a newline."""
    return "".join(f"{line}\n" for line in lines)


def sign(private: rsa.RSAPrivateKey, text: str) -> str:
    """RSA PKCS#1 v1.5 over SHA-256, base64 in one line."""
    return base64.b64encode(
        private.sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())).decode()


def verifies(public: rsa.RSAPublicKey, text: str, signature: str) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        public.verify(raw, text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature):
        return False
    return True


def seal(plain: str, api_v3_key: str, associated: str, nonce: str | None = None) -> tuple[str, str]:
    """AEAD_AES_256_GCM: (ciphertext‖tag in base64, the 12-character nonce)."""
    nonce = nonce or secrets.token_urlsafe(9)[:12]
    sealed = AESGCM(api_v3_key.encode()).encrypt(nonce.encode(), plain.encode(),
                                                 associated.encode())
    return base64.b64encode(sealed).decode(), nonce


def unseal(ciphertext: str, api_v3_key: str, associated: str, nonce: str) -> str:
    """Raises cryptography's InvalidTag when key, nonce or associated data differ."""
    return AESGCM(api_v3_key.encode()).decrypt(
        nonce.encode(), base64.b64decode(ciphertext), associated.encode()).decode()


def read_authorization(header: str) -> dict[str, str] | None:
    """The five values of an Authorization header, in whatever order; None: not of this form."""
    scheme, _, rest = header.partition(" ")
    if scheme != SCHEME:
        return None
    values: dict[str, str] = {}
    for part in rest.split(","):
        found = _PAIR.fullmatch(part)
        if found is None:
            return None
        values[found[1]] = found[2]
    wanted = {"mchid", "nonce_str", "signature", "timestamp", "serial_no"}
    return values if set(values) == wanted and values["timestamp"].isdigit() else None


@lru_cache
def private_key(path: Path) -> rsa.RSAPrivateKey:
    return loaded_key(path.read_text())


@lru_cache
def loaded_key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key
