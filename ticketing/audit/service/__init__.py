"""The verbs that write the trail: record, note a read, seal, lock and erase private values."""

from ticketing.audit.rules import (
    ACCESS_STREAM,
    ADMIN_STREAM,
    EXPORT_STREAM,
    IMPORT_STREAM,
    Act,
    NewEntry,
    case_stream,
    person_stream,
    reads_stream,
    staff_stream,
)
from ticketing.audit.service.erasing import erase_values
from ticketing.audit.service.locking import lock_values, rotate_keys
from ticketing.audit.service.recording import record, record_export, record_many, record_read, record_reading
from ticketing.audit.service.sealing import name_seal_key, seal

__all__ = [
    "ACCESS_STREAM", "ADMIN_STREAM", "EXPORT_STREAM", "IMPORT_STREAM", "Act", "NewEntry",
    "case_stream", "erase_values", "lock_values", "name_seal_key", "person_stream", "reads_stream", "record", "record_export",
    "record_many", "record_read", "record_reading", "rotate_keys", "seal", "staff_stream",
]
