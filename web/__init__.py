"""H5 pages and WeChat Pay's notifications. `wsgi.py` registers what `create_blueprints` gives."""
from flask import Blueprint


def create_blueprints() -> list[Blueprint]:
    from web import assets, errors, group_order, health, payment, payout, photo, tracking

    return [assets.blueprint, errors.blueprint, group_order.blueprint, health.blueprint,
            payment.blueprint, payout.blueprint, photo.blueprint, tracking.blueprint]
