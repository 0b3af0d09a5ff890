"""Choosing files, and deleting one; and what was chosen, looked at before anything is kept."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flask import current_app
from wtforms import MultipleFileField

from ticketing.core import files
from ticketing.core.errors import Invalid
from ticketing.core.files import Checked
from ticketing.web.forms import Form, LineField, PickField, TextField


class FilesField(MultipleFileField):
    """Any number of files up to a setting; its data is what the browser sent, `checked` what may be kept."""

    def process_formdata(self, valuelist: list[Any]) -> None:
        self.data = [item for item in valuelist if getattr(item, "filename", "")]

    def check(self) -> tuple[Checked, ...]:
        """Each file looked at; raises Invalid for the first that cannot be taken."""
        config = current_app.config
        if len(self.data or ()) > config["UPLOAD_FILES"]:
            raise Invalid(f"Choose at most {config['UPLOAD_FILES']} files at a time.", field="files")
        most = config["UPLOAD_MEGABYTES"] * 1024 * 1024
        return tuple(files.check(item.filename, item.stream, most_bytes=most) for item in self.data or ())


class AttachForm(Form):
    """Files for a case."""

    files = FilesField("Files")
    about = LineField("What are they?", is_required=False)
    compartment = PickField("Who may read them?", is_required=False)

    def objections(self) -> Iterator[tuple[str, str]]:
        if not self.files.data:
            yield "files", "Choose at least one file."


class SealForm(Form):
    """Who may read a file from now on, and why."""

    compartment = PickField("Who may read it?", is_required=False)
    why = TextField("Why?", missing="Say why others may read it from now on.", most=1_000)


class DeleteForm(Form):
    """A file to be deleted, and why."""

    why = TextField("Why is it deleted?", missing="Say why it is deleted.", most=1_000)
