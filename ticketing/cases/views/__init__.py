"""The pages of cases: intake, worklist, one case and what can be done with it, questions for clinicians, tasks."""

from ticketing.cases.views import access, attachments, intake, questions, rebasing, show, steps, tasks, worklist
from ticketing.cases.views.blueprint import bp

__all__ = ["access", "attachments", "bp", "intake", "questions", "rebasing", "show", "steps", "tasks", "worklist"]
