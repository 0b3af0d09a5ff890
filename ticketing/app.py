"""create_app: the program's table of contents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flask import Flask
from flask_migrate import Migrate
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from ticketing import commands, schedule
from ticketing.accounts import views as accounts
from ticketing.calendars import views as calendars
from ticketing.cases.service import hand_over_all, recuse_manager
from ticketing.cases.views import bp as cases
from ticketing.codes import views as codes
from ticketing.core.database import db
from ticketing.core.permissions import Permission
from ticketing.escalation.views import bp as escalation
from ticketing.operations.views import bp as operations
from ticketing.packs import views as packs
from ticketing.portal.views import bp as portal
from ticketing.reports.views import bp as reports
from ticketing.sla.rules import check_vectors
from ticketing.web import errors, filters, forms, guards, headers, logs

if TYPE_CHECKING:
    from config import Settings

ROOT = Path(__file__).resolve().parent.parent
DOORS: tuple[filters.Door, ...] = (
    filters.Door("Worklist", "cases.worklist", "inbox", (Permission.VIEW_CASES,)),
    filters.Door("Log a concern", "cases.new", "plus-lg", (Permission.RECORD_CONCERNS,)),
    filters.Door("My tasks", "cases.tasks", "clipboard-check", (Permission.WORK_CASES,)),
    filters.Door("Questions for me", "cases.questions", "question-circle", (Permission.ANSWER_STATEMENTS,)),
    filters.Door("Escalations", "escalation.index", "bell", (Permission.VIEW_ESCALATIONS,)),
    filters.Door("Policies", "packs.index", "journal-text", (Permission.VIEW_POLICIES,)),
    filters.Door("Reports", "reports.overview", "bar-chart", (Permission.VIEW_REPORTS,)),
    filters.Door("Delivery", "reports.delivery", "envelope", (Permission.VIEW_DELIVERY,)),
    filters.Door("Trail", "reports.trail", "clock-history", (Permission.VIEW_TRAIL,)),
    filters.Door("Quarantine", "cases.quarantine", "shield-check", (Permission.VIEW_TRAIL,)),
    filters.Door("Health", "operations.health", "clipboard-check", (Permission.MANAGE_RULES,)),
    filters.Door("Staff", "accounts.staff", "people", (Permission.MANAGE_STAFF,)),
    filters.Door("Teams", "accounts.teams", "diagram-3", (Permission.MANAGE_STAFF,)),
    filters.Door("Sites and units", "codes.places", "hospital", (Permission.MANAGE_STAFF,)),
)


def create_app(settings: Settings) -> Flask:
    """The whole program, ready to serve; nothing is asked of the database yet."""
    app = Flask("ticketing", root_path=str(ROOT), instance_path=str(ROOT / "instance"))
    app.config.from_mapping(settings.as_config())
    Path(app.instance_path).mkdir(exist_ok=True)  # a fresh checkout has none, and SQLite makes files but no folders
    app.jinja_env.undefined = StrictUndefined
    app.url_map.strict_slashes = app.url_map.merge_slashes = False  # such redirects would name whatever host the visitor called us
    if settings.proxy_hops:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxy_hops, x_proto=settings.proxy_hops)  # type: ignore[method-assign]

    db.init_app(app)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)
    logs.init_app(app)
    headers.init_app(app)
    guards.init_app(app)  # how much may be sent is settled before the forms read it
    forms.init_app(app)
    filters.init_app(app, DOORS)
    errors.init_app(app)
    commands.init_app(app)
    accounts.init_app(app, hand_over=hand_over_all, recuse=recuse_manager)
    schedule.init_app(app)
    packs.init_app(app, check=check_vectors)
    calendars.init_app(app)
    for room in (operations, cases, accounts.bp, codes.bp, escalation, reports, portal):
        app.register_blueprint(room)
    return app
