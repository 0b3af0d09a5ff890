"""What the demo hospital is made of, and what happens in it; pure."""

from ticketing.demo.rules.days import WorkingDays
from ticketing.demo.rules.plans import WISHES, Plan, plans
from ticketing.demo.rules.script import Step, Watched, script_of, watched
from ticketing.demo.rules.stories import Library, read_library

__all__ = ["WISHES", "Library", "Plan", "Step", "Watched", "WorkingDays", "plans", "read_library", "script_of", "watched"]
