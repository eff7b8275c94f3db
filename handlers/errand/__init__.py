"""Errands: parcels fetched, things carried, bought, printed, queued for. Orders like any other,
served by the campus's errand desk.

Nothing is imported here: handlers/wording.py and handlers/pricing.py need some of these rooms,
and others of them need those two.
"""
