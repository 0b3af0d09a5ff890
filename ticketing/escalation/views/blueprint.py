"""The one blueprint of this room."""

from __future__ import annotations

from flask import Blueprint

bp = Blueprint("escalation", __name__, url_prefix="/escalations")
