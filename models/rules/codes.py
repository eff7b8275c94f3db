"""Short codes that people say aloud: a letter and one to four digits (contract §7)."""
import re
from typing import Final

# G, R and M are kept for groups, refunds and menus; I and O look like digits.
LETTERS: Final = "ABCDEFHJKLNPQSTUVWXYZ"
HOW_MANY: Final = len(LETTERS) * 9999


def order_code(serial: int) -> str:
    """The code for a running number: all codes in turn, then over again from the start.

    Two neighbours differ in both letter and number, so that a slip of one key seldom hits.
    """
    turn = serial % HOW_MANY
    return f"{LETTERS[turn * 8 % len(LETTERS)]}{turn // len(LETTERS) % 9999 + 1}"


def masked(code: str) -> str:
    """A parcel's pickup code so that its owner knows it again: 10-2-7507 → 10-2-••07, Q7-32 →
    Q7-••."""
    head, mark, tail = code.rpartition("-")
    return f"{head}{mark}••{tail[-2:] if len(tail) >= 4 else ''}"


PICKUP_CODE: Final = re.compile(r"[A-Za-z0-9]{1,6}(?:-[A-Za-z0-9]{1,8}){1,4}|[A-Za-z0-9]{3,12}")


def base36(number: int) -> str:
    """A row's number as it stands in QR scenes: 0-9 and a-z; `int(code, 36)` reads it back."""
    digits = ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
