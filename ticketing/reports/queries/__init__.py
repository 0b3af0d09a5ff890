"""What the reports read: facts for the figures, the ledger of messages, the trail, the demo's mailbox."""

from ticketing.reports.queries.figures import Narrowing, manager_overview
from ticketing.reports.queries.ledger import (
    MessageFilter,
    TrailFilter,
    TrailRow,
    actors,
    deliveries,
    delivery,
    delivery_counts,
    is_hidden_mail,
    message_kinds,
    trail_page,
)
from ticketing.reports.queries.mailbox import CaughtMail, caught

__all__ = [
    "CaughtMail",
    "MessageFilter",
    "Narrowing",
    "TrailFilter",
    "TrailRow",
    "actors",
    "caught",
    "deliveries",
    "delivery",
    "delivery_counts",
    "is_hidden_mail",
    "manager_overview",
    "message_kinds",
    "trail_page",
]
