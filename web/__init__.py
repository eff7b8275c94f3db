"""H5 pages and WeChat Pay's notifications. `wsgi.py` registers what `create_blueprints` gives."""
from flask import Blueprint


def create_blueprints() -> list[Blueprint]:
    from web import (
        assets,
        errors,
        group_order,
        health,
        invite,
        paying_for,
        payment,
        payout,
        photo,
        tracking,
    )

    rooms = (assets, errors, group_order, health, invite, paying_for, payment, payout, photo,
             tracking)
    return [room.blueprint for room in rooms]
