"""Addresses that are sent to people."""
from datetime import datetime

from config import settings
from models.base import Session
from models.tracking import TrackingLink


def track_url(session: Session, order_id: int, *, now: datetime) -> str:
    """Where the order is watched, by whoever has the address."""
    return f"{settings.load().public_url}/t/{TrackingLink.of_order(session, order_id, now=now)}"
