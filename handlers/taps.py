"""What a tap carries besides its words: the order, and which quote of it was on the screen."""
import hashlib
import hmac
import re

from config import settings
from models.order import Order

_FORM = re.compile(r"q(\d{1,18})\.(\d{1,9})\.([0-9a-f]{12})")


def tap_id(order: Order) -> str:
    """Names the internal order and the quote's revision, signed."""
    named = f"q{order.id}.{order.revision}"
    return f"{named}.{_signature(named)}"


def read_tap(given: str | None) -> tuple[int, int] | None:
    """(order id, revision) of a tap we made; None for anything else."""
    match = _FORM.fullmatch(given or "")
    if match is None:
        return None
    named = f"q{match[1]}.{match[2]}"
    if not hmac.compare_digest(_signature(named), match[3]):
        return None
    return int(match[1]), int(match[2])


def is_stale(given: str | None, order: Order) -> bool:
    """Whether the tap was made under an older quote of this order, or under another order.

    Words typed by hand carry nothing and count as said now.
    """
    tapped = read_tap(given)
    return tapped is not None and tapped != (order.id, order.revision)


def _signature(named: str) -> str:
    key = settings.load().secret_key.encode()
    return hmac.new(key, f"tap:{named}".encode(), hashlib.sha256).hexdigest()[:12]
