"""What happens without words: following, scanning, places."""
from datetime import datetime

from bot.routes import group_order
from bot.routes.base import Turn
from bot.wire import Heard
from config.texts import Reply
from handlers import customer, privacy, referral, rider
from handlers.speaker import Speaker
from models.base import Session


def on_event(session: Session, speaker: Speaker, heard: Heard, *, now: datetime) -> Reply | None:
    match heard.event:
        case "subscribe":
            referral.note_invited(session, speaker, heard.scene, now=now)
            greeting = customer.follow(session, speaker, customer.Follow(heard.scene), now=now)
            return group_order.scanned(session, speaker, heard.scene, now=now) or greeting
        case "SCAN" if heard.scene.startswith(("b_", "u_")):
            referral.note_invited(session, speaker, heard.scene, now=now)
            return customer.follow(session, speaker, customer.Follow(heard.scene), now=now)
        case "SCAN" if heard.scene.startswith("g_"):
            return group_order.scanned(session, speaker, heard.scene, now=now)
        case "unsubscribe":
            privacy.forget(session, speaker.person, now=now, grace=privacy.GRACE)
            return None
        case event if event in privacy.REVOKED:
            privacy.forget(session, speaker.person, now=now)
            return None
        case "LOCATION" if heard.latitude is not None and heard.longitude is not None:
            rider.note_position(session, speaker, heard.latitude, heard.longitude, now=now)
            return None
        case _:
            return None


def on_location(turn: Turn, heard: Heard) -> Reply:
    """A pin: where a rider is. From a student it is no order yet."""
    if turn.speaker.rider and heard.latitude is not None and heard.longitude is not None:
        rider.note_position(turn.session, turn.speaker, heard.latitude, heard.longitude,
                            now=turn.now)
        return Reply("rider.position_noted")
    return Reply("talk.words_only")
