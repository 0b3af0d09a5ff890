"""What sort of mail it is: from a person, from a machine, a bounce of ours, or a report of abuse (RFC 3834, 3464, 5965)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from ticketing.mailroom.rules.reading import Letter


class Nature(StrEnum):
    PERSON = "person"
    AUTOMATIC = "automatic"  # never answered, opens no case
    BOUNCE = "bounce"  # says how a message of ours fared
    REPORT = "report"  # a mailbox provider tells of a complaint about mail, not about care


@dataclass(frozen=True, slots=True)
class Bounce:
    """What a delivery report (RFC 3464) says of one address; `is_final` tells a failure from a delay."""

    recipient: str
    status: str
    is_final: bool
    message_id: str


ROBOTS = re.compile(r"(?i)\b(?:mailer-?daemon|mail-?daemon|mail\.delivery\.system|post_?master|mmdf)\b")
SILENT = re.compile(r"(?i)^(?:no-?reply|do-?not-?reply)\b[^@]*@")  # says itself that nobody reads an answer
FAILED = re.compile(
    r"(?i)(?:undeliver(?:able|ed)|delivery (?:status notification|failure|failed|has failed|report)|returned mail|failure notice"
    r"|mail delivery (?:failed|system|failure|error)|(?:non|un)[- ]?deliver|returned to sender|could not be delivered|delivery notification"
    r"|error sending your mail|メールエラー)")
SERVICE_BOUNCE = re.compile(r'"notificationType\W+Bounce')  # a sending service that reports by JSON instead
PROVIDERS_REPORT = re.compile(r"(?i)^complaint about message from \d")  # an older form, before RFC 5965
PROVIDERS = frozenset({"staff@hotmail.com"})
AUTO_REPLY = re.compile(r"(?i)^auto(?:matic)?[- ](?:reply|response)\s?:")  # as programs write it; a person's answer to it begins with Re
MARKS = ("x-autoreply", "x-autorespond", "list-id", "mailing-list", "x-mlserver")
AWAY = re.compile(r"(?i)^(?:auto(?:mati\w*)?[- ]?(?:reply|response|antwort)|out of (?:the )?office|vacation|abwesenheit|away from)")


def nature_of(letter: Letter) -> Nature:
    """Proof in the headers first; words of a subject count only where a machine's sender stands beside them."""
    kinds = _kinds(letter)
    if "report-type=feedback-report" in kinds or "message/feedback-report" in kinds or _is_providers_report(letter):
        return Nature.REPORT
    is_robot = _is_robot(letter)
    has_no_return = letter.header("return-path") == "<>"
    if "message/delivery-status" in kinds or "report-type=delivery-status" in kinds or letter.header("x-failed-recipients"):
        return Nature.BOUNCE
    is_silent = letter.sender is not None and SILENT.match(letter.sender.email) is not None
    automatic = is_silent or letter.header("auto-submitted").lower().partition(";")[0].strip() not in ("", "no")
    if is_robot or (letter.header("x-amz-sns-message-id") and SERVICE_BOUNCE.search(letter.text)) or (
            FAILED.search(letter.subject) and (has_no_return or automatic)):
        return Nature.BOUNCE
    return Nature.AUTOMATIC if automatic or has_no_return or _is_machine(letter) else Nature.PERSON


def bounces_of(letter: Letter) -> tuple[Bounce, ...]:
    """What the delivery report within a bounce says, address by address; empty where it keeps to no standard."""
    fields = next((part.data.decode("utf-8", "replace") for part in letter.enclosures if part.media_type == "message/delivery-status"), "")
    original = next((part.data[:20_000].decode("utf-8", "replace") for part in letter.enclosures
                     if part.media_type in ("message/rfc822", "text/rfc822-headers", "message/global")), "")
    ours = re.search(r"(?im)^message-id:\s*<([^<>\s]+)>", original)
    found = []
    for block in re.split(r"\n\s*\n", fields.replace("\r\n", "\n")):
        said = {match[1].lower(): match[2].strip() for match in re.finditer(r"(?m)^([A-Za-z-]+):[ \t]*(.*)$", block)}
        recipient = said.get("final-recipient", "").rpartition(";")[2].strip().strip("<>")
        status = re.match(r"[245]\.\d{1,3}\.\d{1,3}", said.get("status", ""))
        if recipient:
            is_final = said.get("action", "").lower() == "failed"
            found.append(Bounce(recipient, status[0] if status else "", is_final, ours[1] if ours else ""))
    return tuple(found)


def may_be_answered(letter: Letter) -> bool:
    """Whether an automatic acknowledgement may go back (RFC 3834, section 2).

    A subject that sounds like a machine's is enough for silence, though not for taking a person's concern for a machine's.
    """
    return nature_of(letter) is Nature.PERSON and letter.sender is not None and not AWAY.search(letter.subject)


def _is_robot(letter: Letter) -> bool:
    """The postman itself; some write no address at all, so that the header is asked.  A person's name proves nothing."""
    address = letter.sender.email if letter.sender is not None else letter.header("from")
    return ROBOTS.search(address.partition("@")[0]) is not None or ROBOTS.search(letter.header("return-path").partition("@")[0]) is not None


def _is_providers_report(letter: Letter) -> bool:
    """A patient may well write "complaint about message from ...": the provider's own address must stand beside it."""
    return letter.sender is not None and letter.sender.email.lower() in PROVIDERS and PROVIDERS_REPORT.search(letter.subject) is not None


def _is_machine(letter: Letter) -> bool:
    precedence = letter.header("precedence").lower()
    return precedence in ("bulk", "junk", "list", "auto_reply") or any(letter.header(name) for name in MARKS) or (
        AUTO_REPLY.search(letter.subject) is not None)


def _kinds(letter: Letter) -> str:
    own = letter.header("content-type").lower().replace('"', "").replace(" ", "")
    return " ".join([own, *(part.media_type for part in letter.enclosures)])
