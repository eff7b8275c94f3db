"""/sim: the people's side, for the phones page, tests and curious operators. JSON both ways."""
from simulator.control import (  # noqa: F401  (they hang their addresses on the blueprint)
    machine,
    money,
    phones,
    troubles,
)
from simulator.control.door import blueprint, world

__all__ = ["blueprint", "world"]
