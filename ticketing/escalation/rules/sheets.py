"""A result as rows for a spreadsheet, table by table.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from ticketing.escalation.rules.comparing import MANY, Figures

Cell = str | int | float | datetime | None


def rows_of(figures: Figures, names: Mapping[str, str], cases: Iterable[Sequence[Cell]]) -> Iterator[list[Cell]]:
    """The figures table by table, each with its heading, then the cases."""
    yield from _table(["What", "Today", "Draft"], [
        [pair.label, pair.before, pair.after] for pair in (figures.missed, figures.fired, figures.told, figures.unheard)])
    yield from _table(["Target", "Breached today", "Breached under the draft", "Met today", "Met under the draft"], [
        [item.label, item.missed.before, item.missed.after, item.met.before, item.met.after] for item in figures.targets])
    yield from _table(["Month", "Breached today", "Breached under the draft", "Steps today", "Steps under the draft"], [
        [missed.label, missed.before, missed.after, fired.before, fired.after]
        for missed, fired in zip(figures.missed_by_month, figures.fired_by_month, strict=True)])
    yield from _table(["Rule", "Fired today", "Fired under the draft"], [[pair.label, pair.before, pair.after] for pair in figures.rules])
    yield from _table(
        ["Person", "Messages today", "Messages under the draft", "Most on one day today", "Most on one day under the draft",
         f"Days with more than {MANY} today", f"Days with more than {MANY} under the draft"],
        [[names.get(row.uid, "Somebody who has left"), row.total.before, row.total.after, row.busiest.before, row.busiest.after,
          row.bad_days.before, row.bad_days.after] for row in figures.people])
    yield from _table(["Case", "Target", "Today", "Draft", "Due today", "Due under the draft", "Met at"], cases)


def _table(heads: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Iterator[list[Cell]]:
    yield list(heads)
    yield from (list(row) for row in rows)
    yield []
