"""Composition root: the one place where settings and program meet."""

from config import Settings
from ticketing import schedule
from ticketing.app import create_app

app = create_app(Settings.from_env())
schedule.start_in_web(app)
