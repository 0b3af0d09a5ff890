"""Finding a case by its reference or a name, and opening one in an emergency."""

from __future__ import annotations

from ticketing.web.forms import Form, LineField, TextField


class FindForm(Form):
    """Sent by POST: a name never stands in an address."""

    reference = LineField("Reference or name", is_required=False, most=200)


class GlassForm(Form):
    """Which case, and what the emergency is."""

    reference = LineField("Reference of the case", missing="Enter the reference of the case.", most=60)
    reason = TextField(
        "What is the emergency?", missing="Say what the emergency is.", most=2_000,
        description="At least 20 characters. Managers and auditors read it today.")
