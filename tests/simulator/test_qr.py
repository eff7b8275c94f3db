"""QR codes: held by digests of matrices that an independent encoder (PyPI's qrcode) agreed to."""
import hashlib
import struct

import pytest

from simulator import qr


@pytest.mark.parametrize(("text", "side", "digest"), [
    ("a", 21, "5635d6f5a967e93f7585b6a76d0579817ac5efaf"),
    ("http://weixin.qq.com/q/aB3dE5", 29, "5b55f2c81e69537643575ef79090bda566d947d1"),
    ("http://weixin.qq.com/q/" + "aB3dE5" * 10, 37, "301e368e575644f2aa9fd4fdec113d4bdeb5300b"),
])
def test_known_codes(text, side, digest):
    rows = ["".join(map(str, row)) for row in qr.matrix(text)]

    assert {len(rows), *map(len, rows)} == {side}
    assert hashlib.sha1("\n".join(rows).encode()).hexdigest() == digest


def test_the_picture_is_square_with_a_quiet_border():
    picture = qr.png("a")

    assert struct.unpack(">II", picture[16:24]) == ((21 + 8) * 8, (21 + 8) * 8)


def test_too_long():
    assert len(qr.matrix("x" * 106)) == 41
    with pytest.raises(ValueError, match="too long"):
        qr.matrix("x" * 107)
