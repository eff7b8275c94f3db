"""api.mch.weixin.qq.com v3 for the merchant's server (fact sheet C1–C9).

door.py checks who asks; each other file serves a family of addresses. What people do with their
money stands in simulator/cashier.py and simulator/wallet.py.
"""
from simulator.pay import (  # noqa: F401  (they hang their addresses on the blueprint)
    bills,
    certificates,
    orders,
    profit_sharing,
    refunds,
    transfers,
)
from simulator.pay.door import PayError, blueprint, refused

__all__ = ["PayError", "blueprint", "refused"]
