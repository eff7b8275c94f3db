"""WeChat Pay's vectors, and headers as strangers write them."""
import base64

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from simulator import pay_crypto

# The key pair that WeChat Pay's own libraries are tested with, by its two primes.
P = int("fd91aeea510c94ed176676a60191ad88d80b7027ccfc2d99111644ed04d13d91f559d2bdd8097d9dd95db2cc05"
        "c386da26b24b0a68218c5fe21b8ce286106f2e738b92c9d951f8ddba6c681c3597a3640159b23942c58813b02e"
        "4e25a05a3d48ed7e1f0974907fa8be33fcb6e93a2043b77400da591723a44cd327fed889bcb1", 16)
Q = int("db65ea95a986ff27c01967abcb928d1f60c695323277ac495ad27d8f78d4f7d959d1b090e7186205b53d226c42"
        "8b7ce04eca2a2d6800fe9d341e134536851c4e5f687dcd06df3c130f5cb467372754ac4625d67aa215b9d95d21"
        "252b408a0b63600b148239bbfff147ecf8900c10cfd566bac524640d053f6926d0c6f104f3e3", 16)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    d = rsa.rsa_recover_private_exponent(65537, P, Q)
    public = rsa.RSAPublicNumbers(65537, P * Q)
    return rsa.RSAPrivateNumbers(
        P, Q, d, rsa.rsa_crt_dmp1(d, P), rsa.rsa_crt_dmq1(d, Q), rsa.rsa_crt_iqmp(P, Q),
        public).private_key()


def test_official_signature(key):
    assert pay_crypto.sign(key, "source").startswith("BKyAfU4iMCuvXMXS0Wzam3V/cnxZ+J")


def test_pay_sign_vector(key):
    signed = pay_crypto.message(
        "wx2421b1c4370ec43b", "1554208460", "593BEC0C930BF1AFEB40B4A08C8FB242",
        "prepay_id=wx201410272009395522657a690389285100")

    assert pay_crypto.sign(key, signed) == (
        "JYKXt4mOdSKy03hD6XypE2RhzqxiJ3GDyxWbaIh1v95JFKzKfliSigI5ABR/pRU1EY/+BcWISR9vI1ZfWrnAGGoAhcuR"
        "hmwgRznyeT06kBy5k1heLQnFTWFYsoxVWyEEP6HRCbhaWREXRGs6lbdCkuK4R9ZcCgY/R+m7fGbiYYKXpjI92ByQ1il9"
        "MYxkCtLnxB3qeVjwjBsowN1KO9DQ9x6DYepQbuFUkqLj8A+cGMfXsTqqn8/PHPfPeocOXIR3jknFzFzRYyZB0az+KBqU"
        "LEQr0BUwt9tZ0esXvVFbLoE8RvaBIEMB0OvMx2XRtYc0LQCL4wKzE2kYFX4dZmDBVg==")


def test_official_sealed_resource():
    sealed = ("FsdXzxryWfKwvLJKf8LG/ToRPTRh8RN9wROC", "testAPIv3Key0000",
              "Dl56FrqWQJF1t9LtC3vEUsniZKvbqdR8", "wCq51qZv4Yfg")

    assert pay_crypto.unseal(*sealed) == "Hello World"
    assert pay_crypto.seal("Hello World", *sealed[1:]) == (sealed[0], sealed[3])


@given(st.text(max_size=300), st.sampled_from(["transaction", "refund", ""]))
def test_what_is_sealed_opens_with_the_same_three_and_no_other(text, associated):
    key = "0123456789abcdef0123456789abcdef"
    ciphertext, nonce = pay_crypto.seal(text, key, associated)

    assert pay_crypto.unseal(ciphertext, key, associated, nonce) == text
    with pytest.raises(InvalidTag):
        pay_crypto.unseal(ciphertext, key, associated + "x", nonce)


def test_a_signature_covers_every_byte(key):
    signature = pay_crypto.sign(key, "a\nb\n")

    assert pay_crypto.verifies(key.public_key(), "a\nb\n", signature)
    assert not pay_crypto.verifies(key.public_key(), "a\nb", signature)
    assert not pay_crypto.verifies(key.public_key(), "a\nb\n", "WECHATPAY/SIGNTEST/" + signature)
    assert not pay_crypto.verifies(key.public_key(), "a\nb\n", base64.b64encode(b"x").decode())


@given(st.permutations(["mchid", "nonce_str", "signature", "timestamp", "serial_no"]))
def test_authorization_in_any_order(names):
    values = dict.fromkeys(names, "7")
    header = ",".join(f'{name}="{value}"' for name, value in values.items())

    assert pay_crypto.read_authorization(f"WECHATPAY2-SHA256-RSA2048 {header}") == values


@pytest.mark.parametrize("header", [
    "", "Bearer x", "WECHATPAY2-SHA256-RSA2048", 'WECHATPAY2-SHA256-RSA2048 mchid="1"',
    'WECHATPAY2-SHA256-RSA2048 mchid="1",nonce_str="n",signature="s",timestamp="now",serial_no="1"',
    "WECHATPAY2-SHA256-RSA2048 mchid=1,nonce_str=n,signature=s,timestamp=1,serial_no=1",
])
def test_other_authorization_is_not_understood(header):
    assert pay_crypto.read_authorization(header) is None
