"""Signatures and AES of the message push, as the platform computes them (fact sheet A1, A2)."""
import base64
import hashlib
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 32  # the PKCS#7 block, although AES itself works on 16 bytes


class BadCipher(Exception):
    """A text that this key and app id cannot have made. The message says what is wrong."""


def signature(*parts: str) -> str:
    """Hex SHA-1 over the parts, sorted and joined: token, timestamp, nonce (and Encrypt)."""
    return hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()


def seal(message: str, aes_key: str, app_id: str, random: bytes | None = None) -> str:
    """Encrypt: random(16) ‖ length(4, big-endian) ‖ message ‖ app id, base64 in one line."""
    content = message.encode()
    plain = (random or secrets.token_bytes(16)) + len(content).to_bytes(4, "big") \
        + content + app_id.encode()
    pad = BLOCK - len(plain) % BLOCK
    worker = _cipher(aes_key).encryptor()
    return base64.b64encode(worker.update(plain + bytes([pad]) * pad) + worker.finalize()).decode()


def unseal(encrypted: str, aes_key: str, app_id: str) -> str:
    """The message within. Raises BadCipher, also when it was made for another account."""
    try:
        cipher = base64.b64decode(encrypted, validate=True)
    except ValueError as error:
        raise BadCipher("Encrypt is not base64") from error
    if not cipher or len(cipher) % 16:
        raise BadCipher("Encrypt is no whole number of AES blocks")
    worker = _cipher(aes_key).decryptor()
    padded = worker.update(cipher) + worker.finalize()
    plain = padded[:-padded[-1]]
    if not 1 <= padded[-1] <= BLOCK or len(plain) < 20:
        raise BadCipher("wrong key or wrong padding")
    length = int.from_bytes(plain[16:20], "big")
    if plain[20 + length:] != app_id.encode():
        raise BadCipher("the app id at the end is not this account's")
    try:
        return plain[20:20 + length].decode()
    except UnicodeDecodeError as error:
        raise BadCipher("the message is not UTF-8") from error


def _cipher(aes_key: str) -> Cipher[modes.CBC]:
    key = base64.b64decode(aes_key + "=")
    return Cipher(algorithms.AES(key), modes.CBC(key[:16]))
