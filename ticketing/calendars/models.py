"""Versions of working calendars: those the hospital publishes, and the public ones kept as they were when cases were pinned to them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model


class CalendarState(StrEnum):
    """A draft may change; what is published never does, and the database refuses too."""

    DRAFT = "draft"
    PUBLISHED = "published"


class CalendarVersion(Model):
    """One version of a calendar.  `hours` maps mon...sun to windows, `days` and `closures` ISO days to names.

    `days` are public holidays, `closures` days on which this place alone is shut.  For the years from `first_year` to `last_year` the
    days are these and no others; outside them the public calendar `base` ("" for none) is asked.
    """

    __tablename__ = "calendar_versions"
    __table_args__ = (UniqueConstraint("code", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    code: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(60))
    title: Mapped[str]
    base: Mapped[str] = mapped_column(String(40), default="")
    base_version: Mapped[str] = mapped_column(String(60), default="")  # what it was drafted from
    zone: Mapped[str] = mapped_column(String(64))
    hours: Mapped[dict[str, Any]]
    days: Mapped[dict[str, Any]]
    closures: Mapped[dict[str, Any]]
    first_year: Mapped[int]
    last_year: Mapped[int]
    is_shipped: Mapped[bool] = mapped_column(default=False)  # the holidays of the library, kept as they were
    state: Mapped[CalendarState] = mapped_column(default=CalendarState.DRAFT)
    reason: Mapped[str] = mapped_column(default="")
    revision: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
