"""Who may see a picture."""
from sqlalchemy import select

from handlers.rider.application import operators_of
from models.base import Session
from models.campus import Campus
from models.complaint import Photo
from models.person import Person


def may_see(session: Session, photo: Photo, openid: str) -> bool:
    """Whoever sent it, the order's buyer, rider and cooks, and the campus's operators."""
    reader = session.scalars(select(Person).filter_by(
        app_id=photo.person.app_id, openid=openid)).one_or_none()
    if reader is None:
        return False
    allowed = {photo.person_id}
    if photo.order is not None:
        allowed.add(photo.order.buyer_id)
        allowed.update(photo.order.shop.owner_ids(session))
        if photo.order.rider is not None:
            allowed.add(photo.order.rider.person_id)
    campus = Campus.of_account(session, photo.person.app_id)
    if campus is not None:
        allowed.update(operators_of(session, campus))
    return reader.id in allowed
