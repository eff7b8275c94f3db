"""Calls for help: what works while everything but the web process is down.

journal  an alarm is a sealed file in var/sos before its first answer is given
guards   whom to call, kept in memory and in a sealed file beside them
record   the same alarm in the database, as soon as there is one
"""
