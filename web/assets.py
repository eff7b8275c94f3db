"""Style sheets and scripts, for every page."""
from flask import Blueprint

blueprint = Blueprint("assets", __name__, static_folder="static", static_url_path="/assets",
                      template_folder="templates")
