"""What this process counts and times; web/health.py shows it on /metrics."""
from typing import Final

from prometheus_client import Counter, Histogram

TURN_SECONDS: Final = Histogram(
    "paotang_turn_seconds", "From a push that was read to its reply",
    buckets=(.005, .01, .02, .05, .1, .2, .5, 1, 2, 4.5))
NOTICES: Final = Counter(
    "paotang_notices", "Notices handed to WeChat", ("channel", "outcome"))
DISPATCH_SECONDS: Final = Histogram(
    "paotang_dispatch_seconds", "One dispatch round's search",
    buckets=(.001, .005, .02, .05, .1, .5, 1, 5))
