"""The trail's words, its bytes, and how it is read and checked; no database here."""

from ticketing.audit.rules.acts import READS, SENTENCES, Act
from ticketing.audit.rules.chain import (
    ACTOR_NAME,
    WHY,
    Keys,
    Plain,
    Scalar,
    canonical,
    clean,
    commitment,
    entry_hash,
    genesis,
    keys_of,
    mac,
    microseconds,
    moment_of,
    parse_body,
    plain,
)
from ticketing.audit.rules.checking import Fault, FaultKind, StoredEntry, StoredValue, Verdict, Walk, check_head, checks_alone
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
from ticketing.audit.rules.sealed import CheckpointRow, LeafRow, TreeWalk, check_notes

__all__ = [
    "ACCESS_STREAM", "ACTOR_NAME", "ADMIN_STREAM", "EXPORT_STREAM", "IMPORT_STREAM", "READS", "SENTENCES", "WHY", "Act",
    "CheckpointRow", "EntryRow", "Fault", "FaultKind", "Keys", "LeafRow", "NewEntry", "Plain", "Scalar", "StoredEntry",
    "StoredValue", "ToldEntry", "TreeWalk", "Verdict", "Walk", "canonical", "case_stream", "check_head", "check_notes",
    "checks_alone", "clean", "commitment", "entry_hash", "genesis", "keys_of", "mac", "microseconds", "moment_of", "parse_body",
    "person_stream", "plain", "reads_stream", "sealed_stream", "staff_stream", "summary", "told",
]
