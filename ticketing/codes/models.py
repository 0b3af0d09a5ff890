"""The organisation: sites with their time zone and policy pack, and the wards, departments and services in them."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from ticketing.codes.rules import UnitKind
from ticketing.core.database import Model


class Site(Model):
    """A hospital site; its zone decides what "the end of the day" means, its pack which law applies."""

    __tablename__ = "sites"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str]
    zone: Mapped[str] = mapped_column(String(64))
    pack: Mapped[str] = mapped_column(String(40))
    calendar: Mapped[str] = mapped_column(String(40))
    is_active: Mapped[bool] = mapped_column(default=True)


class Unit(Model):
    """A ward, department or service of a site; units form a tree, and `path` names the way down to one: "/3/17/" is 17 within 3."""

    __tablename__ = "units"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(20), unique=True)
    name: Mapped[str]
    kind: Mapped[UnitKind]
    site_id: Mapped[int] = mapped_column(ForeignKey("sites.id"), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("units.id"))
    path: Mapped[str] = mapped_column(String(200), default="", index=True)
    is_active: Mapped[bool] = mapped_column(default=True)

    site: Mapped[Site] = relationship(lazy="joined", innerjoin=True)
