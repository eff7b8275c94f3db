"""Who carries what: pure algorithms, arrays in and plans out.

Nothing here knows a clock, a database, a text or the network; `now` and `seed` are arguments.
"""

from dispatch.eta import Eta, Vehicle, promise, travel_s
from dispatch.plan import Assignment, Candidate, Candidates, Plan, Reason, Trip, TripStop, Why
from dispatch.pricing import Params, Stop
from dispatch.problem import Bar, Problem, Visit
from dispatch.roads import RoadGraph
from dispatch.solve import LIVE, solve

__all__ = [
    "LIVE",
    "Assignment",
    "Bar",
    "Candidate",
    "Candidates",
    "Eta",
    "Params",
    "Plan",
    "Problem",
    "Reason",
    "RoadGraph",
    "Stop",
    "Trip",
    "TripStop",
    "Vehicle",
    "Visit",
    "Why",
    "promise",
    "solve",
    "travel_s",
]
