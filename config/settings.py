"""The only reader of the environment (contract §2). `.env` is read when present."""
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values

ROOT = Path(__file__).resolve().parent.parent
VAR = ROOT / "var"


class ConfigurationError(Exception):
    """A setting is missing or makes no sense. The message names it and says what to do."""


@dataclass(frozen=True, slots=True)
class WeChatAccount:
    """The default official account. Without an AES key pushes come in plaintext."""

    app_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)
    aes_key: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PaySettings:
    """WeChat Pay v3. Without a public key: platform-certificate mode."""

    mch_id: str
    api_v3_key: str = field(repr=False)
    cert_serial: str
    private_key: str = field(repr=False)  # PEM text
    public_key_id: str | None
    public_key: str | None  # PEM text


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that may differ between one installation and another."""

    environ: Mapping[str, str] = field(repr=False)

    def need(self, name: str) -> str:
        """The value of `name`. Raises ConfigurationError naming it when unset or empty."""
        if value := self.environ.get(name, "").strip():
            return value
        raise ConfigurationError(f"{name} is not set (see README, “Configuration”)")

    def _get(self, name: str, default: str = "") -> str:
        return self.environ.get(name, "").strip() or default

    def _number(self, name: str, default: int) -> int:
        text = self._get(name, str(default))
        if not text.isdigit() or not int(text):
            raise ConfigurationError(f"{name} must be a whole number above 0, not {text!r}")
        return int(text)

    @property
    def database_url(self) -> str:
        """As SQLAlchemy wants it; a bare postgresql:// is read with psycopg 3."""
        scheme, colon, rest = self.need("DATABASE_URL").partition("://")
        driver = "postgresql+psycopg" if scheme in ("postgres", "postgresql") else scheme
        return f"{driver}{colon}{rest}"

    @property
    def redis_url(self) -> str:
        return self.need("REDIS_URL")

    @property
    def public_url(self) -> str:
        return self._get("PUBLIC_URL", "http://127.0.0.1:8000").rstrip("/")

    @property
    def bind(self) -> tuple[str, int]:
        host, _, port = self._get("BIND", "127.0.0.1:8000").rpartition(":")
        if not host or not port.isdigit():
            raise ConfigurationError("BIND must look like 127.0.0.1:8000")
        return host.strip("[]"), int(port)

    @property
    def proxies(self) -> int:
        """How many proxies of ours stand before `web`, each adding to X-Forwarded-For."""
        return self._number("PROXIES", 1) if self._get("PROXIES", "0") != "0" else 0

    @property
    def web_workers(self) -> int:
        return self._number("WEB_WORKERS", 2)

    @property
    def metrics_token(self) -> str | None:
        """What /metrics wants as a bearer token; None: only this machine may read it."""
        return self._get("METRICS_TOKEN") or None

    @property
    def secret_key(self) -> str:
        """Signs links and sessions and seals stored secrets. Made once in `var/` for http."""
        if given := self._get("SECRET_KEY"):
            return given
        if urlsplit(self.public_url).scheme == "https":
            raise ConfigurationError("SECRET_KEY must be set when PUBLIC_URL is https")
        return _secret_of_this_checkout()

    @property
    def wechat_api_base(self) -> str:
        return self._get("WECHAT_API_BASE", "https://api.weixin.qq.com").rstrip("/")

    @property
    def wechat_open_base(self) -> str:
        return self._get("WECHAT_OPEN_BASE", "https://open.weixin.qq.com").rstrip("/")

    @property
    def wechat_jssdk_url(self) -> str:
        return self._get("WECHAT_JSSDK_URL", "https://res.wx.qq.com/open/js/jweixin-1.6.0.js")

    @property
    def wechat_pay_api_base(self) -> str:
        return self._get("WECHAT_PAY_API_BASE", "https://api.mch.weixin.qq.com").rstrip("/")

    @property
    def maps(self) -> tuple[str, str, str]:
        """Whom to ask for walking routes: `amap` or `baidu`, the key, and the address."""
        if key := self._get("AMAP_KEY", ""):
            return "amap", key, self._get("AMAP_API_BASE", "https://restapi.amap.com")
        if key := self._get("BAIDU_MAP_AK", ""):
            return "baidu", key, self._get("BAIDU_MAP_API_BASE", "https://api.map.baidu.com")
        raise ConfigurationError("neither AMAP_KEY (高德) nor BAIDU_MAP_AK (百度) is set "
                                 "(see README, “Configuration”)")

    @property
    def wechat_account(self) -> WeChatAccount:
        return WeChatAccount(
            self.need("WECHAT_APP_ID"), self.need("WECHAT_APP_SECRET"),
            self.need("WECHAT_TOKEN"), self._get("WECHAT_AES_KEY") or None)

    @property
    def wechat_allow_plaintext(self) -> bool:
        """Plaintext pushes are signed by nothing but a token: on loopback, or if told so."""
        if self._get("WECHAT_ALLOW_PLAINTEXT") == "1":
            return True
        host = urlsplit(self.public_url).hostname or ""
        return host == "localhost" or host.endswith(".localhost") or is_loopback(host)

    @property
    def wechat_templates(self) -> str | None:
        """A JSON object or the path of a JSON file; None: config/notices.toml as it stands."""
        return self._get("WECHAT_TEMPLATES") or None

    @property
    def pay(self) -> PaySettings:
        key_id = self._get("WECHAT_PAY_PUBLIC_KEY_ID") or None
        return PaySettings(
            mch_id=self.need("WECHAT_PAY_MCH_ID"),
            api_v3_key=self.need("WECHAT_PAY_API_V3_KEY"),
            cert_serial=self.need("WECHAT_PAY_CERT_SERIAL"),
            private_key=self._pem("WECHAT_PAY_PRIVATE_KEY"),
            public_key_id=key_id,
            public_key=self._pem("WECHAT_PAY_PUBLIC_KEY") if key_id else None)

    def _pem(self, name: str) -> str:
        path = Path(self.need(name))
        try:
            return path.read_text("ascii")
        except OSError as error:
            raise ConfigurationError(f"{name}: cannot read {path}: {error.strerror}") from error


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _secret_of_this_checkout() -> str:
    path = VAR / "secret_key"
    VAR.mkdir(exist_ok=True)
    try:
        with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
    except FileExistsError:
        pass
    return path.read_text().strip()


def environment() -> dict[str, str]:
    """`.env`, and the process's own environment over it."""
    from_file = {k: v for k, v in dotenv_values(ROOT / ".env").items() if v is not None}
    return {**from_file, **os.environ}


@cache
def load() -> Settings:
    """The settings of this process, read once (see `environment`)."""
    return Settings(environment())
