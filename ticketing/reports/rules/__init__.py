"""How reports count: periods, the metric catalogue, figures from facts; and how the demo's mailbox is named.  Pure."""

from ticketing.reports.rules.arithmetic import median, percentile, share
from ticketing.reports.rules.catalogue import METRICS, Metric
from ticketing.reports.rules.figures import CaseFact, Facts, Figure, Overview, Share, Slot, Spread, TimerFact, due_day, overview
from ticketing.reports.rules.mailbox import file_name, is_file_name, moment_in
from ticketing.reports.rules.periods import DEFAULT, Bucket, Period, buckets, period_of, periods

__all__ = [
    "DEFAULT", "METRICS", "Bucket", "CaseFact", "Facts", "Figure", "Metric", "Overview", "Period", "Share", "Slot", "Spread", "TimerFact",
    "buckets", "due_day", "file_name", "is_file_name", "median", "moment_in", "overview", "percentile", "period_of", "periods", "share",
]
