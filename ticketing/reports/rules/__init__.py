"""How reports count, and how the demo's mailbox is named; pure."""

from ticketing.reports.rules.mailbox import file_name, is_file_name, moment_in

__all__ = ["file_name", "is_file_name", "moment_in"]
