"""How reports count: periods, the metric catalogue, figures from facts; and how the demo's mailbox is named.  Pure."""

from ticketing.reports.rules.arithmetic import median, percentile, rounded, share
from ticketing.reports.rules.catalogue import METRICS, Metric
from ticketing.reports.rules.figures import CaseFact, Facts, Figure, Overview, Share, Slot, Spread, TimerFact, due_day, overview
from ticketing.reports.rules.mailbox import file_name, is_file_name, moment_in
from ticketing.reports.rules.periods import DEFAULT, Bucket, Period, buckets, period_of, periods
from ticketing.reports.rules.resolution import KINDS, Kind, PastFact, definitions, resolution_times
from ticketing.reports.rules.spans import business_seconds, linear, part, spread, working_days

__all__ = [
    "DEFAULT", "KINDS", "METRICS", "Bucket", "CaseFact", "Facts", "Figure", "Kind", "Metric", "Overview", "PastFact", "Period", "Share",
    "Slot", "Spread", "TimerFact", "buckets", "business_seconds", "definitions", "due_day", "file_name", "is_file_name", "linear",
    "median", "moment_in", "overview", "part", "percentile", "period_of", "periods", "resolution_times", "rounded", "share", "spread",
    "working_days",
]
