"""Short codes that people say aloud: a letter and one to four digits (contract §7)."""
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
