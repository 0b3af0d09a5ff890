"""Messages that leave only if the change that caused them commits, and the ledger of attempts to deliver them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from ticketing.core.database import Model
from ticketing.outbox.rules import MessageState, Outcome


class OutboxMessage(Model):
    """One message to one person, or to another system by its `url`.

    One over a person's budget is gathered: it leaves as a line of the digest `gathered_into`, and shares its fate.
    `next_attempt_at` is when a deliverer may take it: the end of the lease while one is sending, None once it is final.
    """

    __tablename__ = "outbox_message"
    __audited__ = False  # its ledger is its own proof
    __table_args__ = (
        sa.Index("ix_outbox_message_sent", "recipient_email", "sent_at"),
        sa.Index("ix_outbox_message_created", "created_at", "id"),
        sa.Index("ix_outbox_message_staff", "staff_uid", "waiting_since"),
        sa.Index("ix_outbox_message_gathered", "gathered_into", sqlite_where=sa.text("gathered_into IS NOT NULL"),
                 postgresql_where=sa.text("gathered_into IS NOT NULL")),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    uid: Mapped[str] = mapped_column(unique=True)
    message_id: Mapped[str]
    dedup_key: Mapped[str] = mapped_column(unique=True)
    kind: Mapped[str] = mapped_column(index=True)
    recipient_email: Mapped[str]
    recipient_name: Mapped[str]
    subject: Mapped[str]
    template: Mapped[str]
    context: Mapped[dict[str, Any]]
    case_reference: Mapped[str | None] = mapped_column(index=True)
    staff_uid: Mapped[str | None]
    compartment: Mapped[str | None]
    state: Mapped[MessageState] = mapped_column(index=True)
    lease: Mapped[str | None]
    next_attempt_at: Mapped[datetime | None] = mapped_column(index=True)
    attempt_count: Mapped[int]
    ambiguous_count: Mapped[int]
    created_at: Mapped[datetime]
    waiting_since: Mapped[datetime]
    sent_at: Mapped[datetime | None]
    last_error: Mapped[str]
    url: Mapped[str | None]
    is_first: Mapped[bool] = mapped_column(default=False)  # heads the digest it is gathered into: the date was set by law
    gathered_into: Mapped[str | None]


class OutboxAttempt(Model):
    """One attempt to deliver one message."""

    __tablename__ = "outbox_attempt"
    __audited__ = False
    id: Mapped[int] = mapped_column(primary_key=True)
    message_id: Mapped[int] = mapped_column(sa.ForeignKey("outbox_message.id"), index=True)
    attempted_at: Mapped[datetime]
    outcome: Mapped[Outcome]
    detail: Mapped[str]
