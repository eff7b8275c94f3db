"""Numbers of Postgres advisory locks: who holds one is the only one who does that work."""
from typing import Final

CLOCK_LOCK: Final = 0x50616F01  # the leading clock process
DISPATCH_LOCK: Final = 0x50616F02  # with a campus's id: its dispatch round
POINTS_LOCK: Final = 0x50616F03  # with a person's id: what they have left to spend
