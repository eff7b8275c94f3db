"""WeChat's windows: how many customer-service messages somebody may still be sent.

A message opens 5 for 48 hours; a follow, a scan and a tap on the menu open 3 for a minute. Which
of two open windows WeChat charges it does not say, so each message is charged to both: we never
think that more may go than do. Passive replies and templates are not counted.
"""
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Mapped, mapped_column

WINDOW: Final = timedelta(hours=47, minutes=55)  # WeChat closes it at 48 h, by its own clock
WINDOW_HOLDS: Final = 5
BRIEF_WINDOW: Final = timedelta(seconds=55)
BRIEF_HOLDS: Final = 3
OPENS_BRIEFLY: Final = frozenset({"subscribe", "SCAN", "CLICK", "scancode_push",
                                  "scancode_waitmsg"})


class Quota:
    """The columns of a Person that are this ledger. Changed under the person's lock."""

    is_following: Mapped[bool] = mapped_column(default=True)
    spoke_at: Mapped[datetime | None]
    service_sent: Mapped[int] = mapped_column(default=0)  # since they spoke
    brief_until: Mapped[datetime | None]
    brief_left: Mapped[int] = mapped_column(default=0)

    def note_message(self, at: datetime) -> None:
        """They wrote, at this time by WeChat's clock or ours, whichever was earlier."""
        self.is_following = True
        if self.spoke_at is None or at >= self.spoke_at:
            self.spoke_at, self.service_sent = at, 0

    def note_event(self, event: str, at: datetime) -> None:
        """Their phone said something; most events open nothing."""
        if event == "unsubscribe":
            self.close_windows()
            self.is_following = False
        elif event in OPENS_BRIEFLY:
            self.is_following = True
            self.brief_until, self.brief_left = at + BRIEF_WINDOW, BRIEF_HOLDS

    @property
    def window_until(self) -> datetime | None:
        """Until when the long window takes another message; None: it takes none."""
        if not self.spoke_at or not self.is_following or self.service_sent >= WINDOW_HOLDS:
            return None
        return self.spoke_at + WINDOW

    def messages_left(self, now: datetime) -> int:
        """How many customer-service messages WeChat will certainly take."""
        if not self.is_following:
            return 0
        long = WINDOW_HOLDS - self.service_sent \
            if self.spoke_at and now < self.spoke_at + WINDOW else 0
        brief = self.brief_left if self.brief_until and now < self.brief_until else 0
        return max(long, brief, 0)

    def spend(self) -> None:
        """One message goes; whether it arrives or not, it may have been counted."""
        self.service_sent += 1
        self.brief_left = max(0, self.brief_left - 1)

    def close_windows(self) -> None:
        """WeChat has told us that none is open."""
        self.spoke_at, self.service_sent = None, 0
        self.brief_until, self.brief_left = None, 0
