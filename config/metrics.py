"""What this process counts and times. web/health.py shows a web process's own on /metrics; a
worker's stay in the worker, and what is to be seen of them there comes from the database."""
from typing import Final

from prometheus_client import Counter, Histogram

REQUEST_SECONDS: Final = Histogram(
    "paotang_request_seconds", "An HTTP request, from its first byte read to its answer",
    ("endpoint", "status"), buckets=(.005, .02, .05, .1, .2, .5, 1, 2, 5))
TURN_SECONDS: Final = Histogram(
    "paotang_turn_seconds", "From a push that was read to its reply",
    buckets=(.005, .01, .02, .05, .1, .2, .5, 1, 2, 4.5))
NOTICES: Final = Counter(
    "paotang_notices", "Notices handed to WeChat", ("channel", "outcome"))
DISPATCH_SECONDS: Final = Histogram(
    "paotang_dispatch_seconds", "One dispatch round's search",
    buckets=(.001, .005, .02, .05, .1, .5, 1, 5))
