"""Patients, complainants and representatives, and how to reach them."""
