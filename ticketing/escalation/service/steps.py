"""What people do with a step of the ladder: say that they have seen it, and have a failed one tried again; on cases they may see."""

from __future__ import annotations

from datetime import datetime

from ticketing.core.database import atomic
from ticketing.core.errors import NotFound
from ticketing.core.permissions import Actor, Permission, without_glass
from ticketing.escalation import queries
from ticketing.firings import service as firings


@atomic
def acknowledge(uid: str, *, by: Actor, at: datetime) -> bool:
    """Whoever was told of a step, and may still see it, says so: it moves up no further.  False if somebody did before."""
    notice = queries.notice_for(uid, without_glass(by))
    return firings.acknowledge(uid, notice.reference, by=by, at=at)


@atomic
def try_again(uid: str, *, by: Actor, at: datetime) -> None:
    """Plan a failed step once more; one of a hidden case is as good as missing."""
    by.must(Permission.MANAGE_RULES)
    if not queries.is_seen(uid, without_glass(by)):
        raise NotFound("This step is not on the list any more.")
    firings.try_again(uid, by=by, at=at)
