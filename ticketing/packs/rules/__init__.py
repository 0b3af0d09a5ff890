"""Policy packs read and checked: what a jurisdiction asks for, by when, from whom, and on whose authority."""

from ticketing.packs.rules.pack import CaseType, EventWord, Extension, ExternalBody, HoldReason, Notice, Outcome, Pack, Target
from ticketing.packs.rules.reading import codes, load, pack_from
from ticketing.packs.rules.words import Count, EventKind, ExtensionRule, LegalForce, OnReopening, Roll, TargetCode, Unit

__all__ = [
    "CaseType",
    "Count",
    "EventKind",
    "EventWord",
    "Extension",
    "ExtensionRule",
    "ExternalBody",
    "HoldReason",
    "LegalForce",
    "Notice",
    "OnReopening",
    "Outcome",
    "Pack",
    "Roll",
    "Target",
    "TargetCode",
    "Unit",
    "codes",
    "load",
    "pack_from",
]
