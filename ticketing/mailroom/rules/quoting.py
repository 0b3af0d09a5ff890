"""What a person wrote now, apart from what they quote and sign with; nothing is thrown away, it is folded."""

from __future__ import annotations

import re
from dataclasses import dataclass

SIGNATURE = re.compile(r"(?i)^(?:--|__+|sent (?:from|with|via) .{1,80}|enviado desde .{1,60}|von meinem .{1,40} gesendet)$")
DASHED_NAME = re.compile(r"^-[^\W\d_a-z]\w*(?: [^\W\d_a-z]\w*){0,2}$")  # two capitals, not a point of a list
LONGEST_SIGNATURE = 12
SAID = re.compile(
    r"(?ix)^(?:on\s.{5,200}\swrote:|on\s.{5,200}>\s?wrote:|am\s.{5,200}\sschrieb.{0,120}:|le\s.{5,200}\sa\s[ée]crit\s?:"
    r"|el\s.{5,200}\sescribi[óo]:|.{0,200}<\s?[^<>\s]+@[^<>\s]+>\s?(?:wrote|schrieb|said|написал)\s?:)$")
BEGINS = re.compile(r"(?i)^(?:on|am|le|el|\d{1,2}[./]\d{1,2}[./]\d{2,4})\s.{4,}")
ORIGINAL = re.compile(r"(?i)^\s*-+\s*(?:original message|forwarded message|urspr.ngliche nachricht|reply message)\s*-+$")
RULE = re.compile(r"^\s*[_-]{20,}\s*$")
FIELD = re.compile(r"(?i)^\*?(from|sent|date|to|subject|von|de|gesendet|an|betreff|envoyé|от|отправлено|кому|тема)\s?:\*?\s.+")
SENDERS = frozenset({"from", "von", "de", "от"})


@dataclass(frozen=True, slots=True)
class Folded:
    """The parts of a text, each of which may be empty; joined they hold every line of it."""

    said: str
    quoted: str
    signature: str


def fold(text: str) -> Folded:
    """`text` with what it quotes and how it is signed set apart; a text of nothing but quotes stays whole."""
    lines = text.replace("\r\n", "\n").split("\n")
    own = [True] * len(lines)
    for index, line in enumerate(lines):
        length = _introduction(lines, index)
        if length and _leads_to_quote(lines, index + length):
            own[index:index + length] = [False] * length
        elif ORIGINAL.match(line) or _is_head(lines, _past_rule(lines, index)):
            own[index:] = [False] * (len(lines) - index)
            break
        if line.startswith(">"):
            own[index] = False
    kept = [line for line, is_own in zip(lines, own, strict=True) if is_own]
    start = _signature(kept)
    said, signature = "\n".join(kept[:start]).strip(), "\n".join(kept[start:]).strip()
    quoted = "\n".join(line for line, is_own in zip(lines, own, strict=True) if not is_own).strip()
    return Folded(said, quoted, signature) if said or signature else Folded(text.strip(), "", "")


def _introduction(lines: list[str], index: int) -> int:
    """How many lines from `index` say who wrote what follows; mail programs break that sentence into up to four."""
    if not (BEGINS.match(lines[index]) or SAID.match(lines[index].strip())):
        return 0
    for length in range(1, 5):
        if SAID.match(" ".join(line.strip() for line in lines[index:index + length])):
            return length
    return 0


def _leads_to_quote(lines: list[str], index: int) -> bool:
    following = next((line for line in lines[index:] if line.strip()), ">")
    return following.startswith(">")


def _past_rule(lines: list[str], index: int) -> int:
    """The line after a drawn rule and what is empty below it; `index` itself where no rule is drawn."""
    if not RULE.match(lines[index]):
        return index
    return next((later for later in range(index + 1, len(lines)) if lines[later].strip()), len(lines))


def _is_head(lines: list[str], index: int) -> bool:
    """Whether the head of an earlier mail begins here: three of its fields together, the sender among them."""
    if index >= len(lines) or not FIELD.match(lines[index]):
        return False
    names = [match[1].lower() for line in lines[index:index + 6] if (match := FIELD.match(line))]
    return len(names) >= 3 and not SENDERS.isdisjoint(names)


def _signature(lines: list[str]) -> int:
    """Where the signature begins: at the first mark of one that has little after it."""
    start, filled = len(lines), 0
    for index in range(len(lines) - 1, 0, -1):
        line = lines[index].strip()
        filled += bool(line)
        if filled > LONGEST_SIGNATURE:
            break
        if SIGNATURE.match(line) or (DASHED_NAME.match(line) and not lines[index - 1].strip()):
            start = index
    return start
