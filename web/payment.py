"""The pay page, and WeChat Pay's notifications."""
from flask import Blueprint

blueprint = Blueprint("payment", __name__)
