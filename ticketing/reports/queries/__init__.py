"""What the reports read: facts for the figures, the ledger of messages, the trail, the demo's mailbox."""

from ticketing.reports.queries.figures import Narrowing, manager_overview
from ticketing.reports.queries.ledger import (
    MessageFilter,
    deliveries,
    delivery,
    delivery_counts,
    is_hidden_mail,
    message_kinds,
)
from ticketing.reports.queries.mailbox import CaughtMail, caught
from ticketing.reports.queries.resolution import past_facts, past_figures
from ticketing.reports.queries.trail import (
    MOST_ENTRIES,
    Reading,
    TrailFilter,
    TrailRow,
    actors,
    exported_stream,
    trail_cells,
    trail_page,
)

__all__ = [
    "MOST_ENTRIES",
    "CaughtMail",
    "MessageFilter",
    "Narrowing",
    "Reading",
    "TrailFilter",
    "TrailRow",
    "actors",
    "caught",
    "deliveries",
    "delivery",
    "delivery_counts",
    "exported_stream",
    "is_hidden_mail",
    "manager_overview",
    "message_kinds",
    "past_facts",
    "past_figures",
    "trail_cells",
    "trail_page",
]
