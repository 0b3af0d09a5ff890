"""Files on some of the demo hospital's cases, all of our own making: a letter, a photograph, a note, and one that a scanner stopped."""

from __future__ import annotations

import io
from datetime import datetime

import sqlalchemy as sa
from flask import current_app
from PIL import Image, ImageDraw

from ticketing.accounts import queries as accounts
from ticketing.cases import service as cases
from ticketing.cases.models import Case
from ticketing.core import files
from ticketing.core.database import db
from ticketing.core.files import Checked
from ticketing.core.storage import store

WITH_FILES = 4  # cases
LETTER = (
    "Dear Sir or Madam,\n\nI enclose what I wrote down each evening, because I was afraid that I would forget it.\n"
    "I do not want anybody to lose their post. I want to know that it will not happen to the next person.\n"
)
STOPPED = "This text stands for a file in which a virus scanner found something. It is harmless.\n"


def _bring_files(at: datetime) -> None:
    """To a few open cases that somebody has, by whoever has them."""
    if not files.has_library():
        return
    rows = db.session.execute(sa.select(Case.reference, Case.handler_id).where(
        Case.is_open, Case.handler_id.is_not(None)).order_by(Case.id).limit(WITH_FILES)).all()
    for number, row in enumerate(rows):
        by = accounts.actor_of(row.handler_id)
        brought = (_letter(number), _photograph(number)) if number % 2 else (_letter(number),)
        cases.attach(row.reference, brought, _passes, store(), most=current_app.config["CASE_FILES"], by=by, at=at, about="Came by post")
    if rows:
        by = accounts.actor_of(rows[0].handler_id)
        stopped = (Checked("statement of account.txt", "text/plain", STOPPED.encode()),)
        cases.attach(rows[0].reference, stopped, _stops, store(), most=current_app.config["CASE_FILES"], by=by, at=at,
                     about="Came by e-mail, from an address nobody knows")


def _passes(data: bytes) -> tuple[bool | None, str]:  # noqa: ARG001 - a scanner's signature
    return True, ""


def _stops(data: bytes) -> tuple[bool | None, str]:  # noqa: ARG001 - a scanner's signature
    return False, "Demonstration.Only"


def _letter(number: int) -> Checked:
    return Checked(f"letter {number + 1}.txt", "text/plain", LETTER.encode())


def _photograph(number: int) -> Checked:
    """A drawn ward: a window, a bed and a clock."""
    picture = Image.new("RGB", (640, 420), (226, 236, 235))
    pen = ImageDraw.Draw(picture)
    pen.rectangle((60, 50, 240, 200), fill=(170, 205, 225), outline=(80, 100, 105), width=6)
    pen.line((150, 50, 150, 200), fill=(80, 100, 105), width=6)
    pen.rectangle((90, 270, 560, 340), fill=(250, 250, 246), outline=(80, 100, 105), width=6)
    pen.rectangle((90, 240, 200, 280), fill=(255, 255, 255), outline=(80, 100, 105), width=4)
    pen.ellipse((430, 60, 530, 160), fill=(255, 255, 255), outline=(80, 100, 105), width=6)
    pen.line((480, 110, 480, 76), fill=(40, 60, 65), width=5)
    pen.line((480, 110, 506, 126), fill=(40, 60, 65), width=5)
    out = io.BytesIO()
    picture.save(out, "PNG")
    return Checked(f"the ward {number + 1}.png", "image/png", out.getvalue())
