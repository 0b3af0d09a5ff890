"""The trail's words, its bytes, and how it is read and checked; no database here."""

from ticketing.audit.rules.acts import SENTENCES, Act
from ticketing.audit.rules.chain import (
    ACTOR_NAME,
    KEY_ID,
    WHY,
    Keys,
    Plain,
    Scalar,
    canonical,
    clean,
    commitment,
    derive_keys,
    entry_hash,
    genesis,
    mac,
    microseconds,
    moment_of,
    parse_body,
    plain,
)
from ticketing.audit.rules.checking import Fault, FaultKind, StoredEntry, StoredValue, Verdict, Walk, check_head
from ticketing.audit.rules.entries import (
    ACCESS_STREAM,
    ADMIN_STREAM,
    EXPORT_STREAM,
    IMPORT_STREAM,
    EntryRow,
    NewEntry,
    ToldEntry,
    case_stream,
    person_stream,
    reads_stream,
    sealed_stream,
    staff_stream,
    told,
)
from ticketing.audit.rules.reading import summary

__all__ = [
    "ACCESS_STREAM", "ACTOR_NAME", "ADMIN_STREAM", "EXPORT_STREAM", "IMPORT_STREAM", "KEY_ID", "SENTENCES", "WHY",
    "Act", "EntryRow", "Fault", "FaultKind", "Keys", "NewEntry", "Plain", "Scalar", "StoredEntry", "StoredValue", "ToldEntry", "Verdict",
    "Walk", "canonical", "case_stream", "check_head", "clean", "commitment", "derive_keys", "entry_hash", "genesis", "mac",
    "microseconds", "moment_of", "parse_body", "person_stream", "plain", "reads_stream", "sealed_stream", "staff_stream", "summary",
    "told",
]
