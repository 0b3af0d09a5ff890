"""The database: base model, UTC moments, and `@atomic`, the one place that commits.

A verb is one transaction: it commits whole or leaves nothing, nested verbs join, and a write that the trail does not know of
raises `Unaudited` (see `Work`).  On SQLite a verb begins with BEGIN IMMEDIATE and a read with a plain BEGIN.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from functools import wraps
from typing import Any, ClassVar, ParamSpec, TypeVar, cast, get_args

import sqlalchemy as sa
from flask_sqlalchemy import SQLAlchemy
from sqlalchemy import event
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Connection, Dialect, Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.orm import DeclarativeBase, ORMExecuteState, Session, UOWTransaction
from sqlalchemy.sql.elements import ColumnElement

from ticketing.core.errors import Unaudited

P = ParamSpec("P")
R = TypeVar("R")

type_decorator: type[sa.types.TypeDecorator[datetime]] = sa.types.TypeDecorator

OutOfReach = OperationalError | InterfaceError | NoConnectionFree
TAKEN_SQLITE = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})
TAKEN_POSTGRESQL = "23505"  # unique_violation
PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",  # NORMAL may lose the last commits on power loss; the trail promises otherwise
    "busy_timeout=10000",
    "foreign_keys=ON",
    "secure_delete=ON",  # what is erased is overwritten
    "recursive_triggers=ON",  # else INSERT OR REPLACE steps past the trail's delete trigger
    "temp_store=MEMORY",
    "cache_size=-32000",
    "journal_size_limit=67108864",
)


class UtcDateTime(type_decorator):  # type: ignore[valid-type, misc]
    """An aware moment, kept in UTC; a naive one is a defect and is refused."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a moment without a zone cannot be stored: {value!r}")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the signature
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


Json = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


class Model(DeclarativeBase):
    """Base of every table.  `__audited__ = False` is for the short list in tests/architecture (sessions, caches, ledgers)."""

    __abstract__ = True
    __audited__: ClassVar[bool] = True
    metadata = sa.MetaData(naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    })
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: UtcDateTime(),
        str: sa.Text(),
        dict[str, Any]: Json,
        list[str]: Json,
        Enum: sa.Enum(Enum, native_enum=False, length=40, values_callable=lambda kind: [item.value for item in kind]),
    }


db = SQLAlchemy(metadata=Model.metadata)


@dataclass(slots=True)
class Work:
    """What one outermost verb has done so far: audited tables it touched and trail entries it wrote."""

    touched: set[str] = field(default_factory=set)
    held: list[Any] = field(default_factory=list)
    write: Callable[[list[Any]], Callable[[], None]] | None = None

    def close(self) -> Callable[[], None] | None:
        """No state without a trail entry; the entries are written last.  Returns what to do once all is committed."""
        if self.touched and not self.held:
            raise Unaudited(f"changed {', '.join(sorted(self.touched))} without a trail entry")
        return self.write(self.held) if self.write else None


_work: ContextVar[Work | None] = ContextVar("work", default=None)


def hold_entries(entries: Sequence[Any], write: Callable[[list[Any]], Callable[[], None]]) -> None:
    """Keep what the trail has to write until the outermost verb ends: `write` is given all of it just before the commit.

    So the heads of all streams a verb touches are locked together, in one order, and only for as long as the commit takes.
    `write` returns what to do once all is committed.
    """
    work = _work.get()
    if work is None:
        raise Unaudited("a trail entry was written outside a verb")
    work.held += entries
    work.write = write


def atomic(verb: Callable[P, R]) -> Callable[P, R]:
    """One verb, one transaction: the outermost commits or rolls back, nested ones join."""

    @wraps(verb)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        if _work.get() is not None:
            return verb(*args, **kwargs)
        with _transaction():
            return verb(*args, **kwargs)

    run.__atomic__ = True  # type: ignore[attr-defined]
    return run


@contextmanager
def _transaction() -> Iterator[None]:
    session = db.session()
    if session.new or session.deleted or any(session.is_modified(row) for row in session.dirty):
        raise Unaudited("a row was changed outside a verb")
    session.rollback()  # ends the read transaction, so that SQLite can begin an immediate one
    work = Work()
    token = _work.set(work)
    try:
        yield
        session.flush()
        committed = work.close()
        session.commit()
        if committed:
            committed()
    except BaseException:
        session.rollback()
        raise
    finally:
        _work.reset(token)


@contextmanager
def savepoint() -> Iterator[None]:
    """A nested transaction for one item of a batch: what fails inside leaves neither rows nor trail entries."""
    work = _work.get() or Work()
    touched, held = set(work.touched), len(work.held)
    try:
        with db.session.begin_nested():
            yield
    except BaseException:
        work.touched, work.held[held:] = touched, []
        raise


def is_postgresql() -> bool:
    return bool(db.session.get_bind().dialect.name == "postgresql")


def among(column: Any, values: Iterable[int | str]) -> ColumnElement[bool]:
    """`column IN values` with the values sent as one: however many there are, the statement's text is the same and quickly made."""
    wanted: list[Any] = sorted(set(values))
    if is_postgresql():
        return cast("ColumnElement[bool]", column == sa.any_(sa.bindparam(None, wanted, type_=postgresql.ARRAY(column.type))))
    listed = sa.func.json_each(sa.bindparam(None, json.dumps(wanted), type_=sa.String())).table_valued("value")
    return cast("ColumnElement[bool]", column.in_(sa.select(listed.c.value)))


def insert_once(model: type[Model], values: dict[str, Any], *, conflict: list[str]) -> bool:
    """Insert unless the unique columns `conflict` are taken; True if the row is new.  One statement, so safe among many writers."""
    from sqlalchemy.dialects.sqlite import insert as sqlite_insert

    make = postgresql.insert if is_postgresql() else sqlite_insert
    statement = make(model).values(**values).on_conflict_do_nothing(index_elements=conflict)
    return db.session.execute(statement.returning(sa.literal(1))).first() is not None  # rowcount is -1 with psycopg


def is_race(error: sa.exc.IntegrityError) -> bool:
    """Whether a unique value was taken in the meantime; any other broken constraint is a defect of the program."""
    if isinstance(error.orig, sqlite3.Error):
        return error.orig.sqlite_errorcode in TAKEN_SQLITE
    return getattr(error.orig, "sqlstate", None) == TAKEN_POSTGRESQL


def is_passing(error: BaseException) -> bool:
    """Whether the database was out of reach, full, or chose this transaction to give way: no fault of what was being worked, so the
    same work may be tried again later.  A savepoint that such an error took with it fails in its turn; the first cause counts.
    """
    if isinstance(error, get_args(OutOfReach)):
        orig = getattr(error, "orig", None)
        if not isinstance(orig, sqlite3.Error) or getattr(orig, "sqlite_errorcode", None) != sqlite3.SQLITE_ERROR:
            return True
    return error.__context__ is not None and is_passing(error.__context__)


def insert_many(model: type[Model], rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows with one statement however many they are, for when nobody needs their ids; columns left out take their defaults."""
    if rows:
        db.session.execute(sa.insert(model), rows, execution_options={"render_nulls": True})


def insert_rows(table: sa.Table, rows: Sequence[Mapping[str, Any]], *, is_lenient: bool = False) -> None:
    """Rows of the same columns at the speed of the database; with `is_lenient`, one whose unique value is taken is left out.

    PostgreSQL is sent all of them as one value: a tenth of what a thousand separate rows cost.  Only for tables that are not audited.
    """
    if not rows:
        return
    connection, names = db.session.connection(), list(rows[0])
    if not is_postgresql():
        statement = sa.insert(table)
        connection.execute(statement.prefix_with("OR IGNORE") if is_lenient else statement, list(rows))
        return
    columns = ", ".join(f'"{name}"' for name in names)
    ending = " ON CONFLICT DO NOTHING" if is_lenient else ""
    connection.execute(sa.text(
        f"INSERT INTO {table.name} ({columns}) SELECT {columns}"  # noqa: S608 - names of our own tables
        f" FROM json_populate_recordset(NULL::{table.name}, CAST(:rows AS json)){ending}"), {"rows": _as_json(rows)})


def update_rows(table: sa.Table, rows: Sequence[Mapping[str, Any]], *, key: str) -> None:
    """Set the other columns of the rows that `key` names, with one statement on PostgreSQL; see insert_rows."""
    if not rows:
        return
    connection, names = db.session.connection(), [name for name in rows[0] if name != key]
    if not is_postgresql():
        fresh: dict[str, Any] = {name: sa.bindparam(f"to_{name}") for name in names}
        connection.execute(sa.update(table).where(table.c[key] == sa.bindparam("key_")).values(fresh), [
            {"key_": row[key], **{f"to_{name}": row[name] for name in names}} for row in rows])
        return
    moves = ", ".join(f'"{name}" = fresh."{name}"' for name in names)
    connection.execute(sa.text(
        f"UPDATE {table.name} SET {moves}"  # noqa: S608 - names of our own tables
        f" FROM json_populate_recordset(NULL::{table.name}, CAST(:rows AS json)) AS fresh"
        f' WHERE {table.name}."{key}" = fresh."{key}"'), {"rows": _as_json(rows)})


def _as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    return json.dumps([dict(row) for row in rows], default=_for_json)


def _for_json(value: Any) -> Any:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"a moment without a zone cannot be stored: {value!r}")
        return value.isoformat()
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"{type(value).__name__} cannot be stored this way")


def _touch(table: str) -> None:
    work = _work.get()
    if work is None:
        raise Unaudited(f"{table} was written outside a verb")
    work.touched.add(table)


@event.listens_for(Session, "before_flush")
def _watch_flush(session: Session, context: UOWTransaction, instances: Any) -> None:  # noqa: ARG001 - the event's signature
    for row in (*session.new, *session.dirty, *session.deleted):
        if isinstance(row, Model) and row.__audited__ and (row not in session.dirty or session.is_modified(row)):
            _touch(str(row.__tablename__))


@event.listens_for(Session, "do_orm_execute")
def _watch_bulk(state: ORMExecuteState) -> None:
    if not (state.is_insert or state.is_update or state.is_delete):
        return
    mapper = state.bind_mapper
    if mapper is not None and getattr(mapper.class_, "__audited__", True):
        _touch(mapper.local_table.name if isinstance(mapper.local_table, sa.Table) else str(mapper.local_table))


@event.listens_for(Engine, "connect")
def _prepare_sqlite(connection: Any, record: Any) -> None:  # noqa: ARG001 - the event's signature
    if not isinstance(connection, sqlite3.Connection):
        return
    connection.isolation_level = None
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")  # nosemgrep - PRAGMAS is a constant of this module


@event.listens_for(Engine, "begin")
def _begin_sqlite(connection: Connection) -> None:
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN" if _work.get() is None else "BEGIN IMMEDIATE")
