"""Who may do what: roles, permissions and the actor every verb is told about."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum

from ticketing.core.errors import Forbidden


class Role(StrEnum):
    """The five kinds of staff account."""

    OFFICER = "officer"
    CLINICIAN = "clinician"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"


class ActorKind(StrEnum):
    """Who an event came from; SLA targets name the kinds that may satisfy them."""

    COMPLAINANT = "complainant"
    OFFICER = "officer"
    CLINICIAN = "clinician"
    MANAGER = "manager"
    ADMINISTRATOR = "administrator"
    AUDITOR = "auditor"
    MACHINE = "machine"


class Scope(StrEnum):
    """How far an officer or manager sees: their teams' and units' cases, or those of the whole hospital."""

    TEAMS = "teams"
    HOSPITAL = "hospital"


class Compartment(StrEnum):
    """Sealed parts of cases: each is read by its members alone, whatever their role."""

    LEGAL = "legal"
    SAFEGUARDING = "safeguarding"
    MEDIATION = "mediation"


class Permission(StrEnum):
    """Each is granted to someone and guards something (both are tests)."""

    RECORD_CONCERNS = "record_concerns"
    VIEW_CASES = "view_cases"
    WORK_CASES = "work_cases"
    ASSIGN_CASES = "assign_cases"
    ANSWER_STATEMENTS = "answer_statements"
    SIGN_RESPONSES = "sign_responses"
    VIEW_REPORTS = "view_reports"
    VIEW_ESCALATIONS = "view_escalations"
    MANAGE_RULES = "manage_rules"
    VIEW_POLICIES = "view_policies"
    REBASE_CASES = "rebase_cases"
    VIEW_DELIVERY = "view_delivery"
    VIEW_TRAIL = "view_trail"
    BREAK_GLASS = "break_glass"
    MANAGE_STAFF = "manage_staff"
    USE_ACCOUNT = "use_account"


GRANTS: dict[Role, frozenset[Permission]] = {
    Role.OFFICER: frozenset({
        Permission.RECORD_CONCERNS, Permission.VIEW_CASES, Permission.WORK_CASES, Permission.ASSIGN_CASES,
        Permission.ANSWER_STATEMENTS, Permission.VIEW_ESCALATIONS, Permission.VIEW_POLICIES, Permission.BREAK_GLASS,
        Permission.USE_ACCOUNT,
    }),
    Role.CLINICIAN: frozenset({Permission.ANSWER_STATEMENTS, Permission.USE_ACCOUNT}),
    Role.MANAGER: frozenset({
        Permission.RECORD_CONCERNS, Permission.VIEW_CASES, Permission.WORK_CASES, Permission.ASSIGN_CASES,
        Permission.ANSWER_STATEMENTS, Permission.SIGN_RESPONSES, Permission.VIEW_REPORTS, Permission.VIEW_ESCALATIONS,
        Permission.VIEW_POLICIES, Permission.MANAGE_RULES, Permission.REBASE_CASES, Permission.VIEW_DELIVERY, Permission.VIEW_TRAIL,
        Permission.BREAK_GLASS, Permission.USE_ACCOUNT,
    }),
    Role.ADMINISTRATOR: frozenset({
        Permission.MANAGE_STAFF, Permission.MANAGE_RULES, Permission.VIEW_ESCALATIONS, Permission.VIEW_POLICIES, Permission.VIEW_DELIVERY,
        Permission.BREAK_GLASS, Permission.USE_ACCOUNT,
    }),
    Role.AUDITOR: frozenset({
        Permission.VIEW_CASES, Permission.VIEW_REPORTS, Permission.VIEW_ESCALATIONS, Permission.VIEW_POLICIES, Permission.VIEW_DELIVERY,
        Permission.VIEW_TRAIL, Permission.USE_ACCOUNT,
    }),
}

REFUSALS: dict[Permission, str] = {
    Permission.SIGN_RESPONSES: "Only a manager who may sign responses can do this. Ask one of your managers.",
    Permission.MANAGE_STAFF: "Only an administrator can change staff and teams.",
}


@dataclass(frozen=True, slots=True)
class Actor:
    """Someone (or something) that acts: what a verb needs to know and the trail keeps.

    `uid` is pseudonymous and never changes; `staff_id` is None for machines and complainants.  What follows the permissions says
    how far an officer or manager sees: `unit_ids` are their unit and all below it, `covers` whom they stand in for today,
    `opened` the cases they read behind broken glass at this moment.
    """

    uid: str
    name: str
    kind: ActorKind
    role: Role | None = None
    staff_id: int | None = None
    team_ids: frozenset[int] = field(default_factory=frozenset)
    permissions: frozenset[Permission] = field(default_factory=frozenset)
    scope: Scope = Scope.TEAMS
    unit_ids: frozenset[int] = field(default_factory=frozenset)
    compartments: frozenset[Compartment] = field(default_factory=frozenset)
    covers: frozenset[int] = field(default_factory=frozenset)
    opened: frozenset[int] = field(default_factory=frozenset)

    def may(self, permission: Permission) -> bool:
        return permission in self.permissions

    def must(self, permission: Permission) -> None:
        """Raise Forbidden, with a sentence, unless the actor holds `permission`."""
        if permission not in self.permissions:
            raise Forbidden(REFUSALS.get(permission, "Your role does not allow this. Ask a manager if you need it."))

    @property
    def is_machine(self) -> bool:
        return self.kind is ActorKind.MACHINE


def machine(name: str, *permissions: Permission) -> Actor:
    """The actor for a job (`escalation`, `import`, ...): holds only what it is given, and never satisfies a target meant for people."""
    return Actor(uid=f"job:{name}", name=name, kind=ActorKind.MACHINE, permissions=frozenset(permissions))


def complainant(reference: str) -> Actor:
    """Somebody at the public door, known only by the case they follow."""
    return Actor(uid=f"portal:{reference}", name="The complainant", kind=ActorKind.COMPLAINANT)


def staff_actor(
    *, uid: str, name: str, role: Role, staff_id: int, team_ids: frozenset[int] = frozenset(), scope: Scope = Scope.TEAMS,
    unit_ids: frozenset[int] = frozenset(), compartments: frozenset[Compartment] = frozenset(),
) -> Actor:
    """The actor for a staff account: its kind follows its role."""
    return Actor(
        uid=uid, name=name, kind=ActorKind(role.value), role=role, staff_id=staff_id, team_ids=team_ids, permissions=GRANTS[role],
        scope=scope, unit_ids=unit_ids, compartments=compartments)


def at_the_moment(actor: Actor, *, covers: frozenset[int], opened: frozenset[int]) -> Actor:
    """`actor` as they stand now: whom they stand in for, and which cases they read behind broken glass."""
    permissions = actor.permissions | {Permission.VIEW_CASES} if opened else actor.permissions
    return replace(actor, covers=covers, opened=opened, permissions=permissions)


def without_glass(actor: Actor) -> Actor:
    """`actor` with their everyday rights only: broken glass lets somebody read, never act."""
    return replace(actor, opened=frozenset(), permissions=GRANTS[actor.role]) if actor.opened and actor.role else actor


def roles_of(setting: str) -> frozenset[Role]:
    """The roles that a setting such as `administrator,manager` names; `all` and `none` are understood.  Raises ValueError."""
    words = [word for word in re.split(r"[\s,]+", setting.strip().lower()) if word]
    if words == ["all"]:
        return frozenset(Role)
    return frozenset() if words in ([], ["none"]) else frozenset(Role(word) for word in words)


def minutes_by_role(setting: str) -> dict[Role, int]:
    """`administrator=15 manager=20` as minutes by role.  Raises ValueError."""
    pairs = [word.partition("=") for word in re.split(r"[\s,]+", setting.strip().lower()) if word]
    return {Role(name): int(number) for name, _, number in pairs}
