"""The bytes, the hashes and the sentences of the trail, without a database."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.facts import MONDAY, TUESDAY
from ticketing.audit.rules import (
    SENTENCES,
    Act,
    EntryRow,
    Keys,
    NewEntry,
    StoredEntry,
    StoredValue,
    Verdict,
    Walk,
    canonical,
    clean,
    commitment,
    entry_hash,
    genesis,
    keys_of,
    mac,
    microseconds,
    moment_of,
    plain,
    summary,
    told,
)
from ticketing.core.permissions import Role, staff_actor

HANA = staff_actor(uid="u-hana", name="Hana Novak", role=Role.OFFICER, staff_id=7)
LOG = "0123456789abcdef0123456789abcdef"
KEYS = Keys(LOG, {1: b"k" * 32})
SECRET = "a secret of thirty-two characters"

names = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12)


# --- bytes and hashes ---


def test_the_hashes_are_the_published_ones():
    """Worked out with other means; a change here makes every existing trail unreadable."""
    first = genesis(LOG, "case:26-7KQ4-M2XR-9C")
    assert first.hex() == "a7516512603f760793942850be3e06146aa74978e3fa88c0c4c89074d181fe29"
    second = entry_hash(first, b'{"act":"case.taken","seq":1}')
    assert second.hex() == "9bf40d92a5847189889e4c39222d66b3046c68b31d8017ea340bcd81c6d7baa5"
    promised = commitment(bytes(range(32)), "e1", "why", "Phoned Mrs Khan – late")
    assert promised == "bbac81840518446376e254807369d72f65d2b744e9df6b2023a163efdd664b67"
    keys = keys_of("", SECRET)
    assert mac(keys.macs[1], second).hex() == "465147e1f2a5b88187ba56122bfeaa8e933c06685cd07dec2effcf060aca778a"
    assert keys.log_id == "c146d2938e3b4f4c4af7f2e3157e2bdf"


def test_canonical_bytes_are_those_of_the_standard():
    value = {"b": [True, None, -1], "a": 'é"\\\n\x01/', "A": ""}
    assert canonical(value) == '{"A":"","a":"é\\"\\\\\\n\\u0001/","b":[true,null,-1]}'.encode()


@given(documents)
def test_canonical_bytes_come_back_and_are_a_fixed_point(value):
    stored = canonical(value)
    assert json.loads(stored) == value
    assert canonical(json.loads(stored)) == stored


@given(st.dictionaries(names, scalars, min_size=2, max_size=5))
def test_the_order_of_fields_does_not_matter(value):
    assert canonical(dict(reversed(value.items()))) == canonical(value)


@pytest.mark.parametrize("value", [1.5, 2**53, -(2**53), {"é": 1}, {1: 2}, b"x", [datetime(2026, 1, 1, tzinfo=UTC)], {"a": {1.0}}])
def test_what_two_readers_could_write_differently_is_refused(value):
    with pytest.raises(ValueError, match="trail"):
        canonical(value)


@pytest.mark.parametrize(("value", "kept"), [
    (datetime(2026, 3, 3, 9, 30, tzinfo=timezone(timedelta(hours=1))), "2026-03-03T08:30:00+00:00"),
    (date(2026, 3, 3), "2026-03-03"), (Act.CASE_TAKEN, "case.taken"), (None, None), (True, True), (3, 3), ("a\x00b\ud800", "a�b�"),
])
def test_values_are_kept_plain(value, kept):
    assert plain(value) == kept


@given(st.text())
def test_clean_text_can_be_written_anywhere(text):
    assert "\x00" not in clean(text)
    clean(text).encode()


@given(st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001 - bounds are naive by design
def test_moments_are_kept_to_the_microsecond(moment):
    assert moment_of(microseconds(moment)) == moment


def test_streams_and_installations_begin_differently():
    assert len({genesis(LOG, "case:1"), genesis(LOG, "case:2"), genesis("f" * 32, "case:1")}) == 3


def test_an_installation_has_its_own_keys():
    assert keys_of("", "one") != keys_of("", "two")
    assert keys_of("", "one") == keys_of("", "one")


def test_nothing_private_is_in_the_body():
    entry = NewEntry("case:1", Act.CASE_NOTE_ADDED, why="Mrs Khan was upset", private={"note": "Ward 7, bed 3"}, facts={"kind": "contact"})
    kept = told(entry, by=HANA, at=TUESDAY)
    values, body = kept.private, canonical(kept.body).decode()
    assert values == {"actor_name": "Hana Novak", "why": "Mrs Khan was upset", "note": "Ward 7, bed 3"}
    assert not any(word in body for word in ("Khan", "Ward", "Hana", "Novak"))
    assert '"kind":"contact"' in body


@pytest.mark.parametrize("name", ["", "Why", "a b", "é", "1a", "a" * 61])
def test_a_field_has_a_plain_name(name):
    with pytest.raises(ValueError, match="lower-case"):
        told(NewEntry("case:1", Act.CASE_TAKEN, private={name: "x"}), by=HANA, at=TUESDAY)


# --- the chain, whatever is written into it ---


def sealed(stream: str, entries: list[NewEntry]) -> list[tuple[StoredEntry, list[StoredValue]]]:
    rows, prev = [], genesis(LOG, stream)
    for seq, entry in enumerate(entries, start=1):
        uid = f"{stream}/{seq}"
        kept = told(entry, by=HANA, at=MONDAY)
        values = [StoredValue(uid, name, b"s" * 32, value) for name, value in kept.private.items()]
        promised = {item.field: commitment(item.salt, uid, item.field, item.value) for item in values}
        body = canonical({**kept.body, "log": LOG, "id": uid, "seq": seq, "priv": promised})
        hash_ = entry_hash(prev, body)
        row = StoredEntry(uid, stream, seq, prev, hash_, body, 1, mac(KEYS.macs[1], hash_), entry.act.value, HANA.uid, None, MONDAY)
        rows.append((row, values))
        prev = hash_
    return rows


def walked(rows: list[tuple[StoredEntry, list[StoredValue]]]) -> Verdict:
    verdict = Verdict()
    walk = Walk(KEYS, verdict)
    for row, values in rows:
        walk.step(row, values)
    return verdict


deeds = st.builds(
    NewEntry, st.just("case:1"), st.sampled_from(Act), why=texts, facts=st.dictionaries(names, scalars, max_size=3),
    change=st.dictionaries(names, st.tuples(scalars, scalars), max_size=2), private=st.dictionaries(names, texts, max_size=2),
)


@given(st.lists(deeds, min_size=1, max_size=6), st.data())
def test_whatever_is_written_verifies_and_any_flipped_bit_is_found(entries, data):
    rows = sealed("case:1", entries)
    assert walked(rows).is_whole
    place = data.draw(st.integers(0, len(rows) - 1))
    part = data.draw(st.sampled_from(["prev", "hash", "body", "mac"]))
    row, values = rows[place]
    old = getattr(row, part)
    bit = data.draw(st.integers(0, len(old) * 8 - 1))
    new = bytearray(old)
    new[bit // 8] ^= 1 << bit % 8
    changed = StoredEntry(*(bytes(new) if name == part else getattr(row, name) for name in StoredEntry._fields))
    assert not walked([*rows[:place], (changed, values), *rows[place + 1 :]]).is_whole


@given(st.lists(deeds, min_size=2, max_size=6), st.data())
def test_any_entry_left_out_before_the_last_is_found(entries, data):
    rows = sealed("case:1", entries)
    place = data.draw(st.integers(0, len(rows) - 2))
    assert not walked(rows[:place] + rows[place + 1 :]).is_whole


@given(st.permutations(range(5)))
def test_any_other_order_is_found(order):
    rows = sealed("case:1", [NewEntry("case:1", Act.CASE_TAKEN)] * 5)
    assert walked([rows[place] for place in order]).is_whole == (order == sorted(order))


# --- sentences ---


def row(act: str, **changes: object) -> EntryRow:
    values = {
        "stream": "case:1", "seq": 1, "uid": "e", "act": act, "recorded_at": TUESDAY, "occurred_at": TUESDAY, "actor_uid": "u",
        "actor_name": "Hana Novak", "kind": "officer", "role": "officer", "why": "", **changes,
    }
    return EntryRow(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize("act", list(Act))
def test_every_deed_has_a_sentence_that_reads_with_nothing_but_its_actor(act):
    sentence = summary(row(act, facts={"number": 2} if "point" in act.value else {}))
    assert act in SENTENCES
    assert sentence[0].isupper()
    assert "Hana Novak" in sentence
    assert not set("{}[]…_") & set(sentence)


@pytest.mark.parametrize(("entry", "sentence"), [
    (row(Act.CASE_ACKNOWLEDGED), "Acknowledged by Hana Novak"),
    (row(Act.CASE_ACKNOWLEDGED, facts={"method": "telephone"}), "Acknowledged by telephone by Hana Novak"),
    (row(Act.CASE_STATUS_MOVED, change={"status": ("triage", "awaiting_signoff")}),
     "Status moved from triage to awaiting signoff by Hana Novak"),
    (row(Act.CASE_ASSIGNED, facts={"to": "Team North"}), "Assigned to Team North by Hana Novak"),
    (row(Act.CASE_ASSIGNED, private={"to": "Dr A_B"}), "Assigned to Dr A_B by Hana Novak"),
    (row(Act.PERSON_CHANGED, change={"date_of_birth": (None, None), "email": (None, None)}),
     "Person's details changed: date of birth, email by Hana Novak"),
    (row(Act.STAFF_SIGNED_IN), "Hana Novak signed in"),
    (row(Act.CASE_POINT_ADDED, actor_name=""), "Point … added"),
    (row("case.abducted"), "Something was recorded by Hana Novak"),
])
def test_an_entry_reads_as_a_sentence(entry, sentence):
    assert summary(entry) == sentence


def test_the_vocabulary_has_one_word_for_each_deed():
    assert len({act.value for act in Act}) == len(list(Act)) == len(SENTENCES)


def test_an_entry_made_after_the_event_says_so():
    assert row(Act.CASE_RECEIVED, occurred_at=MONDAY).is_late_entry
    assert not row(Act.CASE_RECEIVED).is_late_entry


def test_days_and_moments_in_a_sentence_read_as_people_write_them():
    moment = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
    row = EntryRow(
        "case:x", 1, "u", Act.CASE_EXTENDED.value, moment, moment, "a", "Hana Novak", "officer", "officer", "",
        change={"response_due": ("2026-11-26", "2026-12-30")})
    assert summary(row) == "Response date extended to Wed 30 Dec 2026 by Hana Novak"
