"""A form goes through once: what a sending did is remembered beside its effect, so that the second is answered with the first's result.

The key is unique and written in the transaction of the verb: of two at the same instant one works and the other waits for it, then
reads what it did.  Where the first failed nothing is remembered, and the second is simply the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Json, Model, atomic, db, insert_once
from ticketing.core.errors import Conflict

KEPT = timedelta(days=3)  # a page left open over a weekend, or called back from the browser's history
OTHER_WORDS = (
    "You sent this form before, with something else in it, and that was saved. Look at what is there now. "
    "If you want this saved as well, send it again."
)


class Sending(Model):
    """One form that went through.  `key` and `print` are keyed hashes: of which form, by whom, and of what was in it."""

    __tablename__ = "sendings"
    __audited__ = False

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    print: Mapped[str] = mapped_column(String(64))
    result: Mapped[Any] = mapped_column(Json, nullable=True)
    sent_at: Mapped[datetime] = mapped_column(index=True)


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells one sending from another: the rendering it came from, and what was typed into it."""

    key: str
    print: str


@dataclass(frozen=True, slots=True)
class Done:
    """What the verb returned, now or the first time."""

    result: Any
    is_repeat: bool


@atomic
def carry_out(mark: Mark, verb: Callable[[], Any], *, at: datetime) -> Done:
    """Run `verb` unless this sending was carried out before; Conflict where the same rendering was sent with other words.

    What the verb returns is kept if it is text, a number, truth or nothing; anything else is None to the second sending.
    """
    if not insert_once(Sending, {"key": mark.key, "print": mark.print, "sent_at": at}, conflict=["key"]):
        return _earlier(mark)
    result = verb()
    if isinstance(result, str | int | float):
        db.session.execute(sa.update(Sending).where(Sending.key == mark.key).values(result=result))
    return Done(result, is_repeat=False)


def find(mark: Mark) -> Done | None:
    """What this very sending did before, if it was carried out."""
    row = db.session.execute(sa.select(Sending.result).where(Sending.key == mark.key, Sending.print == mark.print)).first()
    return None if row is None else Done(row.result, is_repeat=True)


@atomic
def forget(*, at: datetime) -> int:
    """Drop what was sent longer than `KEPT` ago; returns how many."""
    gone = db.session.execute(sa.delete(Sending).where(Sending.sent_at < at - KEPT).returning(sa.literal(1)))
    return len(gone.all())


def _earlier(mark: Mark) -> Done:
    found = find(mark)
    if found is None:
        raise Conflict(OTHER_WORDS)
    return found
