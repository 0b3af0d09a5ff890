"""The forms of this room, by theme: intake, the worklist's filters, steps of a case, its records, statements and tasks."""
