"""Patients and complainants: who they are and how to reach them safely."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model


class Person(Model):
    """A patient, complainant or representative.  `match_name` and `match_phone` are folded for the duplicate hint."""

    __tablename__ = "people"

    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(String(32), unique=True)
    name: Mapped[str] = mapped_column(default="")
    preferred_name: Mapped[str] = mapped_column(default="")
    date_of_birth: Mapped[date | None]
    record_number: Mapped[str] = mapped_column(default="")
    email: Mapped[str] = mapped_column(default="")
    phone: Mapped[str] = mapped_column(default="")
    address: Mapped[str] = mapped_column(default="")
    language: Mapped[str] = mapped_column(default="")
    is_interpreter_needed: Mapped[bool] = mapped_column(default=False)
    format_needs: Mapped[str] = mapped_column(default="")
    safe_contact: Mapped[str] = mapped_column(default="")
    has_died: Mapped[bool] = mapped_column(default=False)
    match_name: Mapped[str] = mapped_column(default="", index=True)
    match_phone: Mapped[str] = mapped_column(default="", index=True)
    match_email: Mapped[str] = mapped_column(default="", index=True)
    match_record: Mapped[str] = mapped_column(default="", index=True)
    created_at: Mapped[datetime]
