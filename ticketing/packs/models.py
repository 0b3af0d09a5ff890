"""Versions of policy packs drafted and published by the hospital; those shipped with the program are files."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model


class PackState(StrEnum):
    """A draft may change; what is published never does, and the database refuses too."""

    DRAFT = "draft"
    PUBLISHED = "published"


class PackVersion(Model):
    """One local version of a pack: its whole text, so that a case pinned to it can always be explained."""

    __tablename__ = "pack_versions"
    __table_args__ = (UniqueConstraint("code", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    code: Mapped[str] = mapped_column(String(40))
    version: Mapped[str] = mapped_column(String(40))
    base_version: Mapped[str] = mapped_column(String(40))  # what it was drafted from
    text: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))
    state: Mapped[PackState] = mapped_column(default=PackState.DRAFT)
    effective_from: Mapped[date | None]
    reason: Mapped[str] = mapped_column(default="")
    revision: Mapped[int] = mapped_column(default=1)  # counts savings of a draft, so that two people do not overwrite each other
    created_at: Mapped[datetime]
    changed_at: Mapped[datetime]
    published_at: Mapped[datetime | None]
    published_by_id: Mapped[int | None] = mapped_column(ForeignKey("staff.id"))
