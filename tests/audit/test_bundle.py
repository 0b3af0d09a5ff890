"""One case with its proofs, checked by the file in docs/ in a process of its own that knows nothing of this program."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.facts import ROOT, TUESDAY
from ticketing.audit import jobs, queries, service
from ticketing.audit.rules import Act
from ticketing.core.permissions import Role, staff_actor
from ticketing.core.references import new_reference

HANA = staff_actor(uid="u-hana", name="Hana Novak", role=Role.OFFICER, staff_id=7)


@pytest.fixture
def sealed(app, tmp_path) -> tuple[dict[str, Any], Any]:
    """A sealed case among others, with one entry that is not sealed yet, and the folder outside."""
    reference, folder = new_reference(TUESDAY), tmp_path / "checkpoints"
    for number in range(5):
        for stream in (service.case_stream(reference), f"case:other-{number}"):
            service.record(stream, Act.CASE_NOTE_ADDED, by=HANA, at=TUESDAY, why="Because", private={"note": f"Ward {number} – Zoë"})
    jobs.seal(TUESDAY, folder)
    service.record(service.case_stream(reference), Act.CASE_CLOSED, by=HANA, at=TUESDAY)
    return queries.bundle(service.case_stream(reference)), folder


def check(bundle: Any, folder: Any, *more: str) -> tuple[int, str]:
    path = folder / "case.json"
    path.write_text(json.dumps(bundle), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "docs" / "verify_bundle.py"), str(path), "--keys", str(folder / "keys.txt"), *more],
        capture_output=True, text=True, check=False, cwd=folder, env={"PYTHONIOENCODING": "utf-8"})
    return done.returncode, done.stdout + done.stderr


def test_a_bundle_holds_without_the_program(sealed):
    bundle, folder = sealed
    code, said = check(bundle, folder, "--note", str(folder / "000000001.note"))
    assert (code, "6 entries" in said, "1 not sealed yet" in said, "Ward 3 – Zoë" in said) == (0, True, True, True), said


def test_what_was_erased_lawfully_still_holds(sealed):
    bundle, folder = sealed
    service.erase_values(bundle["stream"], "withdrawn", by=HANA, at=TUESDAY, asked_by_uid="u-tom")
    jobs.seal(TUESDAY, folder)
    code, said = check(queries.bundle(bundle["stream"]), folder)
    assert (code, "10 values erased lawfully" in said, "Zoë" in said) == (0, True, False), said


def mutations(bundle: Any) -> Any:
    """(name, bundle) for every way to touch it."""
    def touched(name: str, change: Any) -> tuple[str, Any]:
        made = copy.deepcopy(bundle)
        change(made)
        return name, made

    def flip(text: str) -> str:
        return ("0" if text[0] != "0" else "1") + text[1:]

    first = bundle["entries"][0]
    yield touched("an entry left out", lambda b: b["entries"].pop(1))
    yield touched("the first left out", lambda b: b["entries"].pop(0))
    yield touched("two exchanged", lambda b: b["entries"].insert(0, b["entries"].pop(1)))
    yield touched("one twice", lambda b: b["entries"].insert(1, b["entries"][0]))
    yield touched("another case", lambda b: b.update(stream="case:other-1"))
    yield touched("another log", lambda b: b.update(log="f" * 32))
    yield touched("a body", lambda b: b["entries"][1].update(body=b["entries"][0]["body"]))
    yield touched("a hash", lambda b: b["entries"][1].update(hash=flip(b["entries"][1]["hash"])))
    yield touched("a link", lambda b: b["entries"][1].update(prev=flip(b["entries"][1]["prev"])))
    yield touched("a value", lambda b: b["entries"][1]["values"]["note"].update(value="It was never so"))
    yield touched("a salt", lambda b: b["entries"][1]["values"]["note"].update(salt="00" * 32))
    yield touched("a value left out", lambda b: b["entries"][1]["values"].pop("note"))
    yield touched("a value added", lambda b: b["entries"][1]["values"].update(new={"salt": "00" * 32, "value": "x"}))
    yield touched("a leaf", lambda b: b["entries"][1].update(leaf=first["leaf"]))
    yield touched("a leaf too far", lambda b: b["entries"][1].update(leaf=10**6))
    yield touched("unsealed before sealed", lambda b: b["entries"][1].update(leaf=None))
    yield touched("no checkpoint", lambda b: b.update(checkpoint=None))
    yield touched("a bigger tree", lambda b: b.update(checkpoint=b["checkpoint"].replace("\n11\n", "\n12\n")))
    for place in range(len(first["proof"])):
        yield touched(f"proof {place}", lambda b, p=place: b["entries"][0]["proof"].__setitem__(p, flip(b["entries"][0]["proof"][p])))
    yield touched("proof longer", lambda b: b["entries"][0]["proof"].append("00" * 32))
    yield touched("proof shorter", lambda b: b["entries"][0]["proof"].pop())


def test_whatever_is_touched_is_found(sealed):
    """In one process for speed: the file is loaded as it stands, by itself."""
    bundle, folder = sealed
    names: dict[str, Any] = {"__name__": "verify_bundle"}
    exec(compile((ROOT / "docs" / "verify_bundle.py").read_text(encoding="utf-8"), "verify_bundle.py", "exec"), names)  # noqa: S102
    keys = [names["read_key"](line) for line in (folder / "keys.txt").read_text().splitlines()]
    assert names["Check"](bundle, keys, None).run() == []
    for name, touched in mutations(bundle):
        assert names["Check"](touched, keys, None).run(), name
    assert names["Check"](bundle, [], None).run(), "no key"


@pytest.mark.parametrize(("change", "code"), [
    (lambda b: b["entries"].pop(1), 1), (lambda b: b.pop("entries"), 2), (lambda b: b.update(format="x"), 2),
    (lambda b: b["entries"][0].update(body="%"), 2),
])
def test_the_file_says_by_its_exit_whether_it_holds(sealed, change, code):
    bundle, folder = sealed
    change(bundle)
    found, said = check(bundle, folder)
    assert found == code, said
    assert "Traceback" not in said


def test_a_note_of_another_moment_is_not_taken_for_the_bundles_own(sealed):
    bundle, folder = sealed
    jobs.seal(TUESDAY, folder)
    code, said = check(bundle, folder, "--note", str(folder / "000000002.note"))
    assert (code, "not the note given" in said) == (1, True)


def test_the_command_writes_the_bundle_and_notes_the_export(run, sealed, tmp_path):
    bundle, _ = sealed
    reference = bundle["stream"].removeprefix("case:")
    assert run.invoke(args=["audit", "bundle", reference.lower(), "--out", str(tmp_path / "x.json")]).exit_code == 0
    assert len(json.loads((tmp_path / "x.json").read_text())["entries"]) == 6
    [row] = queries.timeline(service.EXPORT_STREAM)
    assert (row.facts["export"], row.about) == ("bundle", bundle["stream"])
    assert run.invoke(args=["audit", "bundle", new_reference(TUESDAY)]).exit_code == 2
