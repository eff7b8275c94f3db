"""Virtual people who live a lunch rush through the chat, each with a phone of the simulator."""
from simulator.crowd.town import FEWEST, Cast, cast

__all__ = ["FEWEST", "Cast", "cast"]
