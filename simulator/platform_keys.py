"""WeChat Pay's own keys: its public key, and platform certificates that are rotated (C2).

A merchant of the older kind has certificates only (`knobs.public_key_share` 0), a new one only the
public key (1); between them lies a migration during which notices carry either. An answer is
signed with the key that the request's Wechatpay-Serial names, if it names one.
"""
import base64
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from simulator import pay_crypto
from simulator.state import PlatformCertificate

if TYPE_CHECKING:
    from simulator.world import World

LASTS = timedelta(days=5 * 365)


def rotate(world: "World", used_in_s: float = 0.0, key_bits: int = 2048) -> str:
    """A new certificate: at once to be downloaded, and signing from `used_in_s` on; its serial.

    The ones before stay to be downloaded until they expire, and sign no more from then on.
    """
    key = rsa.generate_private_key(public_exponent=65537, key_size=key_bits)
    # Who reads it compares with a real clock, so it is as old as that clock says.
    starts = datetime.fromtimestamp(world.wire_now() - 60, UTC).replace(microsecond=0)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Tenpay.com sign"),
                      x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Tenpay.com")])
    certificate = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(
        key.public_key()).serial_number(x509.random_serial_number()).not_valid_before(
        starts).not_valid_after(starts + LASTS).sign(key, hashes.SHA256())
    made = PlatformCertificate(
        f"{certificate.serial_number:040X}",
        certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                          serialization.NoEncryption()).decode(),
        starts.timestamp(), (starts + LASTS).timestamp(), world.now() + used_in_s)
    with world.lock:
        world.certificates[made.serial] = made
        world.save(made)
    return made.serial


def ensure_certificate(world: "World") -> None:
    """A merchant that is not wholly on the public key has at least one certificate."""
    if world.knobs.public_key_share < 1 and not valid(world):
        rotate(world)


def valid(world: "World") -> list[PlatformCertificate]:
    """Those that can be downloaded now, oldest first."""
    with world.lock:
        return [c for c in world.certificates.values()
                if c.effective_at <= world.now() < c.expires_at]


def is_known(world: "World", serial: str) -> bool:
    """Whether a request may name this key."""
    return serial in (world.credentials.public_key_id, *(c.serial for c in valid(world)))


def signature_headers(world: "World", body: str, *, asked: str | None = None) -> dict[str, str]:
    """The Wechatpay-* headers of an answer or notice with this body."""
    timestamp, nonce = str(int(world.wire_now())), secrets.token_hex(16)
    serial, key = _signer(world, asked)
    return {
        "Wechatpay-Timestamp": timestamp, "Wechatpay-Nonce": nonce, "Wechatpay-Serial": serial,
        "Wechatpay-Signature-Type": pay_crypto.SCHEME,
        "Wechatpay-Signature": pay_crypto.sign(key, pay_crypto.message(timestamp, nonce, body))}


def _signer(world: "World", asked: str | None) -> tuple[str, rsa.RSAPrivateKey]:
    """The key that was asked for; else the public key's or the newest certificate's in use."""
    ours = world.credentials.public_key_id
    if asked == ours or (asked is None and secrets.SystemRandom().random()
                         < world.knobs.public_key_share):
        return ours, pay_crypto.private_key(world.credentials.platform_key)
    ensure_certificate(world)
    in_use = [c for c in valid(world) if c.used_from <= world.now()]
    named = next((c for c in in_use if c.serial == asked), None)
    if not (named or in_use):
        return ours, pay_crypto.private_key(world.credentials.platform_key)
    signer = named or max(in_use, key=lambda c: c.used_from)
    return signer.serial, pay_crypto.loaded_key(signer.key_pem)


def downloaded(world: "World") -> list[dict[str, Any]]:
    """What /v3/certificates tells; empty for a merchant with the public key only."""
    ensure_certificate(world)
    if world.knobs.public_key_share >= 1:
        return []
    return [_told(world, c) for c in reversed(valid(world))]


def _told(world: "World", certificate: PlatformCertificate) -> dict[str, Any]:
    from simulator.cashier import rfc3339

    sealed, nonce = pay_crypto.seal(
        certificate.certificate_pem, world.credentials.api_v3_key, "certificate")
    return {"serial_no": certificate.serial, "effective_time": rfc3339(certificate.effective_at),
            "expire_time": rfc3339(certificate.expires_at), "encrypt_certificate": {
                "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "associated_data": "certificate",
                "ciphertext": sealed}}


def unsealed(world: "World", serial: str, ciphertext: str) -> str | None:
    """A sensitive field sealed for the key of `serial`; None when it was not."""
    if serial == world.credentials.public_key_id:
        key = pay_crypto.private_key(world.credentials.platform_key)
    elif serial in world.certificates:
        key = pay_crypto.loaded_key(world.certificates[serial].key_pem)
    else:
        return None
    way = padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)
    try:
        return key.decrypt(base64.b64decode(ciphertext, validate=True), way).decode()
    except ValueError:
        return None
