"""What a browser is asked for when a passkey is made or used (WebAuthn level 3), and the name passkeys are bound to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

import sqlalchemy as sa
from flask import current_app
from webauthn import base64url_to_bytes, generate_authentication_options, generate_registration_options, options_to_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from ticketing.accounts.models import Passkey
from ticketing.accounts.queries.staff import StaffRow
from ticketing.core.database import db

TIMEOUT_MS = 300_000


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Us, as passkeys know us: the host's name and the one address that may use them."""

    id: str
    name: str
    origin: str


def relying_party() -> RelyingParty:
    """From PUBLIC_URL.  Passkeys need a name, so an address such as 127.0.0.1 (a demo) stands for localhost."""
    url = urlsplit(str(current_app.config["PUBLIC_URL"]))
    host = url.hostname or "localhost"
    port = f":{url.port}" if url.port else ""
    name = "localhost" if _is_number(host) else host
    return RelyingParty(name, f"Redress, {current_app.config['ORGANISATION']}", f"{url.scheme}://{name}{port}")


def registration_options(staff: StaffRow, challenge: bytes) -> str:
    """JSON for `navigator.credentials.create`: a passkey that is found without a name, behind a PIN, finger or face."""
    known = db.session.scalars(sa.select(Passkey.credential_id).where(Passkey.staff_id == staff.id))
    party = relying_party()
    return options_to_json(generate_registration_options(
        rp_id=party.id, rp_name=party.name, user_id=staff.uid.encode(), user_name=staff.email, user_display_name=staff.name,
        challenge=challenge, timeout=TIMEOUT_MS,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED),
        exclude_credentials=[PublicKeyCredentialDescriptor(id=base64url_to_bytes(item)) for item in known],
    ))


def authentication_options(challenge: bytes) -> str:
    """JSON for `navigator.credentials.get`; names no account, so it tells a stranger nothing."""
    return options_to_json(generate_authentication_options(
        rp_id=relying_party().id, challenge=challenge, timeout=TIMEOUT_MS, user_verification=UserVerificationRequirement.REQUIRED,
    ))


def _is_number(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
