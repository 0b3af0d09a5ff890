"""Keys, notes and locked values: what is made with them opens and verifies, and what was touched does not."""

from __future__ import annotations

import base64

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from tests.facts import TUESDAY
from ticketing.audit.rules import canonical, keys_of
from ticketing.audit.rules.notes import BadNote, Checkpoint, SealKey, Verifier, read_note
from ticketing.audit.rules.vault import Locked, open_value, seal_value, unwrap, wrap

ONE, TWO = "1:" + "11" * 32, "2:" + "22" * 32
NONCE, SALT = b"n" * 12, b"s" * 32
names = st.from_regex(r"[a-z][a-z0-9_]{0,10}", fullmatch=True)
scalars = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
documents = st.recursive(scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4), max_leaves=12)


@given(documents)
def test_canonical_bytes_are_those_of_another_implementation_of_rfc_8785(value):
    assert canonical(value) == rfc8785.dumps(value)


def test_a_rotated_key_keeps_the_name_of_the_log_and_the_old_keys():
    before, after = keys_of(ONE, ""), keys_of(f"{ONE},{TWO}", "")
    assert (before.newest, after.newest) == (1, 2)
    assert before.log_id == after.log_id
    assert after.macs[1] == before.macs[1] != after.macs[2]
    assert set(after.macs.values()).isdisjoint(after.wraps.values())


def test_a_trail_begun_under_the_programs_secret_goes_on_under_keys_of_its_own():
    secret = "a secret of thirty-two characters"
    old, new = keys_of("", secret), keys_of(f"1:{secret.encode().hex()},{TWO}", "another secret altogether 1234567")
    assert (old.log_id, old.macs[1], old.wraps[1]) == (new.log_id, new.macs[1], new.wraps[1])
    assert new.newest == 2


@pytest.mark.parametrize("text", ["x", "0:" + "11" * 32, "1:zz", "1:11", f"{ONE},{ONE}", "99999:" + "11" * 32, "1", ",", "²:" + "11" * 32])
def test_keys_that_are_none_are_refused_without_being_shown(text):
    with pytest.raises(ValueError, match="AUDIT_KEYS") as caught:
        keys_of(text, "")
    assert "1111" not in str(caught.value)


def test_keys_never_show_in_what_is_printed():
    assert "\\x" not in repr(keys_of(ONE, "")) + repr(SealKey(b"k" * 32))


def test_a_value_opens_with_its_key_in_its_place_only():
    sealed = seal_value(b"k" * 32, "e1", "why", SALT, "Mrs Khan – née O’Neill", NONCE)
    assert b"Khan" not in sealed
    assert SALT not in sealed
    assert open_value(b"k" * 32, "e1", "why", sealed) == (SALT, "Mrs Khan – née O’Neill")
    for key, uid, field, data in (
        (b"x" * 32, "e1", "why", sealed), (b"k" * 32, "e2", "why", sealed), (b"k" * 32, "e1", "to", sealed),
        (b"k" * 32, "e1", "why", sealed[:-1] + bytes([sealed[-1] ^ 1])), (b"k" * 32, "e1", "why", b""),
        (b"k" * 32, "e1", "why", sealed[:20]),
    ):
        with pytest.raises(Locked):
            open_value(key, uid, field, data)


def test_a_data_key_is_bound_to_its_stream_and_its_wrapping_key():
    wraps = keys_of(f"{ONE},{TWO}", "").wraps
    wrapped = wrap(b"d" * 32, "case:1", 2, wraps, NONCE)
    assert unwrap(wrapped, "case:1", 2, wraps) == b"d" * 32
    for stream, kid in (("case:2", 2), ("case:1", 1), ("case:1", 3)):
        with pytest.raises(Locked):
            unwrap(wrapped, stream, kid, wraps)


# --- notes ---

KEY, OTHER = SealKey(bytes(range(32))), SealKey(b"o" * 32)
CHECKPOINT = Checkpoint("0123456789abcdef" * 2, 1234, b"r" * 32, TUESDAY)
NAME = CHECKPOINT.name


def test_a_note_reads_as_it_was_signed():
    note = CHECKPOINT.signed([KEY])
    assert note.startswith(f"{NAME}\n1234\n{base64.b64encode(b'r' * 32).decode()}\nsealed 2026-")
    assert read_note(note) == CHECKPOINT
    assert read_note(note).is_signed_by([Verifier(NAME, KEY.public)])


def test_a_note_signed_by_the_old_and_the_new_key_satisfies_whoever_knows_either():
    note = read_note(CHECKPOINT.signed([KEY, OTHER]))
    assert note.is_signed_by([Verifier(NAME, KEY.public)])
    assert note.is_signed_by([Verifier(NAME, OTHER.public)])
    assert not note.is_signed_by([Verifier(NAME, SealKey(b"x" * 32).public)])
    assert not note.is_signed_by([])


def test_a_key_written_down_reads_back_and_a_touched_one_does_not():
    text = str(Verifier(NAME, KEY.public))
    assert Verifier.parse(text) == Verifier(NAME, KEY.public)
    other_id = f"{NAME}+00000000+{base64.b64encode(KEY.public).decode()}"
    for bad in ("", "x", text[:-4] + "AAA=", "y" + text, text.replace("+", "-"), other_id):
        with pytest.raises(BadNote):
            Verifier.parse(bad)


def test_any_flipped_bit_of_a_note_is_found():
    note = CHECKPOINT.signed([KEY]).encode()
    known = [Verifier(NAME, KEY.public)]
    for place in range(len(note)):
        flipped = bytearray(note)
        flipped[place] ^= 1
        try:
            is_good = read_note(flipped.decode()).is_signed_by(known)
        except (BadNote, UnicodeDecodeError):
            continue
        assert not is_good, place


@pytest.mark.parametrize("note", ["", "x", "redress/x\n1\nAA==\nsealed 2026-01-01\n\n", "redress/x\n-1\n\n\n", "a\n\nb", CHECKPOINT.text])
def test_what_is_no_note_is_refused(note):
    with pytest.raises(BadNote):
        read_note(note)
