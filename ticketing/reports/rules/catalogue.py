"""The metric catalogue: what each figure means, whom it counts, and by which date; shown beside every figure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Metric:
    """How one figure is counted."""

    code: str
    name: str
    definition: str
    population: str
    date_basis: str
    remark: str = ""


METRICS: Mapping[str, Metric] = {metric.code: metric for metric in (
    Metric(
        "acknowledged", "Acknowledged in time",
        "Cases whose acknowledgement was made before its due moment, divided by all whose result is known: made, or breached.",
        "Cases to which an acknowledgement target applies. Anonymous and transferred cases, drafts, and cases that ended before "
        "the acknowledgement was due are left out. Cases still in time are shown and not divided by.",
        "The day the concern was received by the organisation, at the site."),
    Metric(
        "settled", "Spoken concerns settled in time",
        "Spoken concerns settled before the end of the next working day, divided by all whose result is known.",
        "PALS concerns made aloud, to which this target applies.",
        "The day the concern was received by the organisation, at the site."),
    Metric(
        "answered", "Answered in time",
        "Responses sent before the end of the latest date the complainant was told of, divided by all that fell due.",
        "Responses of every cycle that fell due and have a date; a reopened case counts again. Anonymous and transferred cases, and "
        "cases that ended without a response, are left out. What is sent before its day counts when that day comes.",
        "The day on which the response was due, at the site.",
        "The first agreed date asks the same of the date agreed first, whatever it was later amended to."),
    Metric(
        "days", "Days from receipt to response",
        "Elapsed days from receipt (of a reopened case, from reopening) to the sending of the response: the time the complainant "
        "lived through, weekends and holidays included. Net of holds: the same without the time the case was on hold.",
        "Responses sent, of every cycle. Anonymous and transferred cases are left out.",
        "The day on which the response was sent, at the site.",
        "The median is the middle one, or the mean of the two in the middle. The 90th percentile is by nearest rank: the smallest "
        "number of days within which at least nine of ten responses were sent, so it is always a real case."),
    Metric(
        "received", "Received, and what became of them",
        "Concerns received, by whether they are still open or how they ended. Open and ended add up to all.",
        "Every concern of every type, anonymous ones too. Drafts and discarded drafts are left out.",
        "The day the concern was received by the organisation, at the site."),
    Metric(
        "open", "Open now",
        "Cases on which work is left, by the days since receipt and by where they stand.",
        "Every open case of every type, whenever it was received; drafts are left out.",
        "Now. This does not depend on the period.",
        "A reopened case is as old as its first receipt."),
    Metric(
        "breaches", "Breached targets, by reason",
        "Targets breached, one for each time; the reason is what was given for it. The law sets no limit for some of these: local "
        "targets, such as keeping people informed and statements, are counted by themselves.",
        "Every target of every case. Drafts are left out.",
        "The day on which the target was breached, at the site."),
)}
