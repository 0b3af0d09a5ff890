"""The arithmetic of promises: clocks with a budget, targets of a policy pack, and the account that answers "why this date?"."""

from ticketing.packs.rules import EventKind, TargetCode, Unit
from ticketing.sla.rules.account import DayLine
from ticketing.sla.rules.clock import Clock, run_clock
from ticketing.sla.rules.events import Event, Facts, numbered
from ticketing.sla.rules.explaining import as_text, ask, explain, parse_event
from ticketing.sla.rules.phrases import PHRASES, day_phrase, due_phrase, left_phrase, moment_phrase, waiting_phrase
from ticketing.sla.rules.reckoned import Reckoning, State
from ticketing.sla.rules.reckoning import reckon, reckon_all
from ticketing.sla.rules.vectors import Departure, VectorResult, check_vectors

__all__ = [
    "PHRASES",
    "Clock",
    "DayLine",
    "Departure",
    "Event",
    "EventKind",
    "Facts",
    "Reckoning",
    "State",
    "TargetCode",
    "Unit",
    "VectorResult",
    "as_text",
    "ask",
    "check_vectors",
    "day_phrase",
    "due_phrase",
    "explain",
    "left_phrase",
    "moment_phrase",
    "numbered",
    "parse_event",
    "reckon",
    "reckon_all",
    "run_clock",
    "waiting_phrase",
]
