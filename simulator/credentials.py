"""What an owner would copy from WeChat's two consoles, made up once and kept in a directory."""
import base64
import hashlib
import json
import os
import secrets
import string
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

MERCHANT_KEY = "apiclient_key.pem"
PLATFORM_KEY = "wechatpay_key.pem"
PLATFORM_PUBLIC_KEY = "wechatpay_public_key.pem"


@dataclass(frozen=True, slots=True)
class Credentials:
    """One official account, one merchant number, and the keys of both sides, as PEM files."""

    directory: Path
    app_id: str
    original_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str = field(repr=False)
    mch_id: str
    api_v3_key: str = field(repr=False)
    cert_serial: str
    public_key_id: str

    @property
    def merchant_key(self) -> Path:
        return self.directory / MERCHANT_KEY

    @property
    def platform_key(self) -> Path:
        return self.directory / PLATFORM_KEY

    @property
    def platform_public_key(self) -> Path:
        return self.directory / PLATFORM_PUBLIC_KEY

    def environ(self, port: int, host: str = "127.0.0.1") -> dict[str, str]:
        """The environment that points a service at a simulator on `port`."""
        base = f"http://{host}:{port}"
        return {
            "WECHAT_API_BASE": base,
            "WECHAT_OPEN_BASE": base,
            "WECHAT_JSSDK_URL": f"{base}/sim/static/jweixin.js",
            "WECHAT_APP_ID": self.app_id,
            "WECHAT_APP_SECRET": self.secret,
            "WECHAT_TOKEN": self.token,
            "WECHAT_AES_KEY": self.aes_key,
            "WECHAT_PAY_API_BASE": base,
            "WECHAT_PAY_MCH_ID": self.mch_id,
            "WECHAT_PAY_API_V3_KEY": self.api_v3_key,
            "WECHAT_PAY_CERT_SERIAL": self.cert_serial,
            "WECHAT_PAY_PRIVATE_KEY": str(self.merchant_key),
            "WECHAT_PAY_PUBLIC_KEY_ID": self.public_key_id,
            "WECHAT_PAY_PUBLIC_KEY": str(self.platform_public_key),
        }


def openid_for(app_id: str, name: str) -> str:
    """The openid under which `app_id` knows the person called `name`: "o" and 27 characters."""
    digest = hashlib.sha256(f"{app_id}\0{name}".encode()).digest()
    return "o" + base64.urlsafe_b64encode(digest).decode()[:27]


def ensure(directory: str | Path) -> Credentials:
    """Read the credentials in `directory`, or make them there the first time."""
    directory = Path(directory).resolve()
    file = directory / "credentials.json"
    if not file.exists():
        directory.mkdir(parents=True, exist_ok=True)
        _make(directory, file)
    names = [f.name for f in fields(Credentials) if f.name != "directory"]
    kept = json.loads(file.read_text("utf-8"))
    return Credentials(directory, **{name: kept[name] for name in names})


def _make(directory: Path, file: Path) -> None:
    _write_pair(directory / MERCHANT_KEY)
    _write_pair(directory / PLATFORM_KEY, directory / PLATFORM_PUBLIC_KEY)
    made = asdict(Credentials(
        directory=directory,
        app_id="wx" + secrets.token_hex(8),
        original_id="gh_" + secrets.token_hex(6),
        secret=secrets.token_hex(16),
        token=_alphanumeric(16),
        aes_key=make_aes_key(),
        mch_id="1" + _digits(9),
        api_v3_key=_alphanumeric(32),
        cert_serial=secrets.token_hex(20).upper(),
        public_key_id="PUB_KEY_ID_" + _digits(30)))
    del made["directory"]
    _write(file, json.dumps(made, indent=1).encode())


def make_aes_key() -> str:
    """A fresh EncodingAESKey: 43 letters and digits, base64 of 32 bytes without its `=`."""
    while not (key := base64.b64encode(secrets.token_bytes(32)).decode()[:43]).isalnum():
        pass
    return key


def _write_pair(private: Path, public: Path | None = None) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    _write(private, key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption()))
    if public is not None:
        _write(public, key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and for its owner's eyes only."""
    unfinished = path.with_suffix(".new")
    with os.fdopen(os.open(unfinished, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600),
                   "wb") as file:
        file.write(content)
    unfinished.replace(path)


def _alphanumeric(length: int) -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(length))


def _digits(length: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(length))
