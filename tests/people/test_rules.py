"""How people are recognised again."""

from __future__ import annotations

from datetime import date

import pytest

from ticketing.people.rules import PersonDetails, fold_email, fold_name, fold_phone, fold_record


@pytest.mark.parametrize(("one", "other"), [
    ("Amina Khan", "KHAN, Mrs. Amína"),
    ("Siobhán O'Neill", "siobhan ONeill"),
    ("Jean-Luc Martin", "Martin Jean Luc"),
    ("Ｊｏｓé", "jose"),
    ("Dr Strauß", "STRAUSS"),
])
def test_the_same_name_written_differently_folds_to_one(one, other):
    assert fold_name(one) == fold_name(other) != ""


@pytest.mark.parametrize("name", ["", "   ", "!!!", "​‏", "Mr", "'"])
def test_a_name_that_says_nothing_folds_to_nothing(name):
    assert fold_name(name) == ""


def test_different_names_stay_different():
    assert fold_name("Amina Khan") != fold_name("Amira Khan")


@pytest.mark.parametrize("phone", ["07700 900123", "+44 7700 900123", "0044 (0)7700-900123", "٠٧٧٠٠٩٠٠١٢٣"])
def test_a_telephone_number_is_the_same_however_its_country_code_is_written(phone):
    assert fold_phone(phone) == "700900123"


@pytest.mark.parametrize("phone", ["", "ext 12", "none", "²²²²²²²²²"])
def test_a_number_too_short_to_tell_folds_to_nothing(phone):
    assert fold_phone(phone) == ""


def test_addresses_and_hospital_numbers_fold():
    assert fold_email(" Amina@Example.ORG ") == "amina@example.org"
    assert fold_record("RX-12 345/a") == fold_record("rx12345A") == "rx12345a"


def test_only_what_was_said_is_told():
    details = PersonDetails(name="Amina Khan", date_of_birth=date(1950, 2, 1), has_died=True)
    assert details.told() == {"name": "Amina Khan", "date_of_birth": "1950-02-01", "has_died": "yes"}
    assert PersonDetails().is_empty
