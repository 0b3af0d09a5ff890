#!/usr/bin/env python3
"""Checks one case's chronology, as `flask audit bundle` wrote it, without the program that recorded it.

    python3 verify_bundle.py BUNDLE.json --keys keys.txt [--note 000000123.note]

Needs Python 3.11 or newer and the package `cryptography`.  `keys.txt` and the note are best taken from where the hospital keeps its
checkpoints (another machine, the auditor's mailbox), not from whoever handed over the bundle.

It checks that every entry follows from the one before (SHA-256), that every sealed entry stands in the tree whose root the checkpoint
signs (RFC 6962 proofs, Ed25519), and that every name and text shown is the one that was recorded (salted commitments).
It cannot know of entries made after the checkpoint, nor of other cases.

Exit 0: all holds.  1: something does not, and where.  2: could not run.
"""

import argparse
import base64
import hashlib
import json
import sys
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DASH = "\u2014 "


class CannotRun(Exception):
    """Neither yes nor no."""


def sha(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def canonical(value):
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def no_fractions(text):
    raise ValueError(text)


def body_of(data):
    """The fields of an entry, or None where the bytes are not the canonical ones of a JSON object."""
    try:
        body = json.loads(data.decode(), parse_float=no_fractions, parse_constant=no_fractions)
        return body if isinstance(body, dict) and canonical(body) == data else None
    except (ValueError, RecursionError):
        return None


def read_key(line):
    """(name, key id, public key) of a line `name+id+key`."""
    name, _, rest = line.strip().partition("+")  # base64 has a + of its own
    key_id, _, text = rest.partition("+")
    key = base64.b64decode(text, validate=True)
    if len(key) != 33 or key[:1] != b"\x01" or sha(name.encode(), b"\n", key)[:4].hex() != key_id:
        raise CannotRun(f"This is not a key of a trail: {line.strip()[:60]}")
    return name, bytes.fromhex(key_id), key[1:]


def read_note(note, keys):
    """(log, size, root, faults) of a checkpoint."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    text, _, signatures = note.partition("\n\n")
    lines = text.split("\n")
    if len(lines) != 4 or not lines[0].startswith("redress/") or not lines[1].isdigit():
        return "", 0, b"", ["the checkpoint cannot be read"]
    name, good = lines[0], 0
    faults = []
    for line in signatures.splitlines():
        signed = base64.b64decode(line[len(DASH + name) + 1:] if line.startswith(DASH + name + " ") else "")
        for key_name, key_id, public in keys:
            if key_name == name and signed[:4] == key_id:
                try:
                    Ed25519PublicKey.from_public_bytes(public).verify(signed[4:], (text + "\n").encode())
                    good += 1
                except InvalidSignature:
                    faults.append("the checkpoint's signature is false")
    if not good and not faults:
        faults.append("the checkpoint is not signed by any of the keys given")
    return name[len("redress/"):], int(lines[1]), base64.b64decode(lines[2]), faults


def includes(leaf, index, size, path, root):
    """RFC 9162 section 2.1.3.2."""
    if not 0 <= index < size:
        return False
    place, last, node = index, size - 1, leaf
    for step in path:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = sha(b"\x01", step, node)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            node = sha(b"\x01", node, step)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


class Check:
    """Goes through one bundle and keeps what is wrong."""

    def __init__(self, bundle, keys, note):
        self.bundle, self.faults, self.erased, self.unsealed = bundle, [], 0, 0
        self.log, self.stream = bundle["log"], bundle["stream"]
        own = bundle.get("checkpoint")
        if note and own and own != note:
            self.wrong(0, "the bundle's checkpoint is not the note given")
        log, self.size, self.root, faults = read_note(note or own, keys) if note or own else ("", 0, b"", ["it holds no checkpoint"])
        self.faults += faults
        if log and log != self.log:
            self.wrong(0, "the checkpoint is of another trail")
        self.gone = []

    def wrong(self, seq, what):
        self.faults.append(f"entry {seq}: {what}" if seq else what)

    def run(self):
        prev, leaves = sha(b"redress/audit/genesis/v1\0", canonical([self.log, self.stream])), set()
        for seq, entry in enumerate(self.bundle["entries"], start=1):
            data = base64.b64decode(entry["body"], validate=True)
            body = body_of(data)
            if body is None:
                self.wrong(seq, "its text is not as it was written")
                body = {}
            if (body.get("log"), body.get("stream"), body.get("seq")) != (self.log, self.stream, seq):
                self.wrong(seq, f"it is entry {body.get('seq')} of {body.get('stream')}: entries are missing, moved or another case's")
            if bytes.fromhex(entry["prev"]) != prev:
                self.wrong(seq, "it does not follow from the entry before it")
            prev = sha(b"redress/audit/entry/v1\0", bytes.fromhex(entry["prev"]), data)
            if bytes.fromhex(entry["hash"]) != prev:
                self.wrong(seq, "its text was changed after it was written")
            self.check_leaf(seq, entry, prev, leaves)
            self.check_values(seq, entry, body)
        for seq, name in self.gone:
            self.wrong(seq, f"the value {name!r} is left out, and no entry says that it was erased")
        return self.faults

    def check_leaf(self, seq, entry, hash_, leaves):
        if entry["leaf"] is None:
            self.unsealed += 1
            return
        if self.unsealed:
            self.wrong(seq, "it is sealed though an earlier one is not")
        if entry["leaf"] in leaves:
            self.wrong(seq, "its place in the tree is given twice")
        leaves.add(entry["leaf"])
        path = [bytes.fromhex(step) for step in entry["proof"]]
        if not includes(sha(b"\x00", hash_), entry["leaf"], self.size, path, self.root):
            self.wrong(seq, "it is not in the tree that the checkpoint signs")

    def check_values(self, seq, entry, body):
        promised = body.get("priv") or {}
        for name, item in entry["values"].items():
            found = sha(b"redress/audit/commit/v1\0", bytes.fromhex(item["salt"]), canonical([body.get("id"), name, item["value"]]))
            if promised.get(name) != found.hex():
                self.wrong(seq, f"the value {name!r} is not the one that was recorded")
        self.gone += [(seq, name) for name in promised if name not in entry["values"]]
        facts = body.get("facts") or {}
        if body.get("act") == "values.erased" and isinstance(facts.get("up_to"), int):
            left = [(at, name) for at, name in self.gone
                    if at > facts["up_to"] or (name == "actor_name" and facts.get("with_names") is not True)]
            self.erased += len(self.gone) - len(left)
            self.gone = left


def show(bundle):
    for seq, entry in enumerate(bundle["entries"], start=1):
        body = body_of(base64.b64decode(entry["body"])) or {}
        moment = EPOCH + timedelta(microseconds=body.get("ts", 0))
        who = entry["values"].get("actor_name", {}).get("value") or body.get("actor", "")
        print(f"{seq:>4}  {moment:%Y-%m-%d %H:%M:%S} UTC  {body.get('act', '?'):<28} {who}")
        for name, item in entry["values"].items():
            if name != "actor_name":
                print(f"      {name}: {item['value']}")


def main(arguments=None):
    options = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    options.add_argument("bundle")
    options.add_argument("--keys", required=True, help="the sealer's public keys, a line each")
    options.add_argument("--note", help="a checkpoint kept elsewhere; the bundle's own must be the same")
    options.add_argument("--quiet", action="store_true", help="do not print the entries")
    asked = options.parse_args(arguments)
    try:
        with open(asked.bundle, encoding="utf-8") as file:
            bundle = json.load(file)
        with open(asked.keys, encoding="utf-8") as file:
            keys = [read_key(line) for line in file if line.strip() and not line.startswith("#")]
        note = None
        if asked.note:
            with open(asked.note, encoding="utf-8") as file:
                note = file.read()
        if bundle["format"] != "redress-bundle/1":
            raise CannotRun("This is not a bundle that this file can check.")
        check = Check(bundle, keys, note)
        faults = check.run()
        if not asked.quiet:
            show(bundle)
    except (CannotRun, OSError, ImportError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        print(f"Could not check: {error or type(error).__name__}", file=sys.stderr)
        return 2
    count = len(bundle["entries"])
    print(f"\n{count} entries of {bundle['stream']}, {check.unsealed} not sealed yet, {check.erased} values erased lawfully.")
    for fault in faults:
        print(f"FALSE  {fault}")
    print("Something does not hold." if faults else "All of it holds.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
