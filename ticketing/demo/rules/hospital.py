"""The demo hospital: its sites, wards, teams and thirty people.  All of it is invented."""

from __future__ import annotations

from dataclasses import dataclass

from ticketing.codes.rules import UnitKind
from ticketing.core.permissions import Compartment, Role, Scope

DOMAIN = "larkmoor.example"
PASSWORD = "three warm teapots"  # noqa: S105 - printed for everybody who tries the demo
FIRST_SITE = "LARKMOOR"
ZONE = "Europe/London"
CALENDAR = "england_wales"
PACK = "england-nhs"
SIGN_INS = ("officer", "clinician", "manager", "administrator", "auditor")


@dataclass(frozen=True, slots=True)
class DemoUnit:
    """A ward or department; `spoken` is how people call it in the middle of a sentence."""

    code: str
    name: str
    kind: UnitKind
    site: str
    team: str
    spoken: str


@dataclass(frozen=True, slots=True)
class DemoStaff:
    """Somebody who works here, by a key the scripts use."""

    key: str
    name: str
    role: Role
    job_title: str
    unit: str = ""
    teams: tuple[str, ...] = ()
    leads: str = ""
    manager: str = ""
    scope: Scope = Scope.TEAMS
    compartments: tuple[Compartment, ...] = ()

    @property
    def email(self) -> str:
        local = self.key if self.key in SIGN_INS else "-".join(self.name.removeprefix("Dr ").lower().replace("'", "").split())
        return f"{local}@{DOMAIN}"


SITES = ((FIRST_SITE, "Larkmoor General"), ("BRIDES", "St Bride's"))
WARD, DEPARTMENT, SERVICE = UnitKind.WARD, UnitKind.DEPARTMENT, UnitKind.SERVICE
UNITS = (
    DemoUnit("ED", "Emergency department", DEPARTMENT, FIRST_SITE, "MEDICINE", "the emergency department"),
    DemoUnit("AMU", "Acute medical unit", WARD, FIRST_SITE, "MEDICINE", "the acute medical unit"),
    DemoUnit("ALDER", "Alder ward (care of older people)", WARD, FIRST_SITE, "MEDICINE", "Alder ward"),
    DemoUnit("BEECH", "Beech ward (surgery)", WARD, FIRST_SITE, "SURGERY", "Beech ward"),
    DemoUnit("CEDAR", "Cedar ward (orthopaedics)", WARD, FIRST_SITE, "SURGERY", "Cedar ward"),
    DemoUnit("MAT", "Maternity", WARD, FIRST_SITE, "FAMILY", "the maternity unit"),
    DemoUnit("CHILD", "Willow ward (children)", WARD, FIRST_SITE, "FAMILY", "Willow ward"),
    DemoUnit("IMG", "Imaging", DEPARTMENT, FIRST_SITE, "SURGERY", "the imaging department"),
    DemoUnit("FAC", "Facilities and car parks", SERVICE, FIRST_SITE, "FAMILY", "the car park"),
    DemoUnit("OUT", "Outpatients", DEPARTMENT, "BRIDES", "FAMILY", "outpatients"),
    DemoUnit("EYE", "Eye clinic", DEPARTMENT, "BRIDES", "SURGERY", "the eye clinic"),
    DemoUnit("DAY", "Day surgery", DEPARTMENT, "BRIDES", "SURGERY", "day surgery"),
)
TEAMS = (
    ("MEDICINE", "Medicine and emergency"),
    ("SURGERY", "Surgery and imaging"),
    ("FAMILY", "Families and outpatients"),
)
WEEK = range(5)  # Monday to Friday
ROTA = (  # team, who, days (Monday is 0), from, until
    ("MEDICINE", "lead-medicine", WEEK, "08:00", "18:00"),
    ("MEDICINE", "medicine-2", (0, 2, 4), "18:00", "08:00"),
    ("MEDICINE", "officer", (1, 3), "18:00", "08:00"),
    ("SURGERY", "surgery-2", WEEK, "08:00", "18:00"),
    ("FAMILY", "family-2", (0, 1, 2), "08:00", "18:00"),
    ("FAMILY", "family-3", (3, 4), "08:00", "18:00"),
)
OFFICER, MANAGER, CLINICIAN = Role.OFFICER, Role.MANAGER, Role.CLINICIAN
SAFEGUARDING = Compartment.SAFEGUARDING
LEAD, CASEWORK = "Team lead, patient relations", "Patient relations officer"
STAFF = (
    DemoStaff("officer", "Nadia Brennan", OFFICER, CASEWORK, teams=("MEDICINE",), manager="lead-medicine"),
    DemoStaff("lead-medicine", "Gwen Talbot", OFFICER, LEAD, teams=("MEDICINE",), leads="MEDICINE", manager="manager",
              compartments=(SAFEGUARDING,)),
    DemoStaff("medicine-2", "Tomasz Wilk", OFFICER, CASEWORK, teams=("MEDICINE",), manager="lead-medicine"),
    DemoStaff("lead-surgery", "Ikram Haddad", OFFICER, LEAD, teams=("SURGERY",), leads="SURGERY", manager="manager-surgery"),
    DemoStaff("surgery-2", "Beth Ollerton", OFFICER, CASEWORK, teams=("SURGERY",), manager="lead-surgery"),
    DemoStaff("lead-family", "Rosa Quinlan", OFFICER, LEAD, teams=("FAMILY",), leads="FAMILY", manager="manager-family"),
    DemoStaff("family-2", "Dev Chatterjee", OFFICER, CASEWORK, teams=("FAMILY",), manager="lead-family"),
    DemoStaff("family-3", "Lowri Penhale", OFFICER, CASEWORK, teams=("FAMILY", "MEDICINE")),
    DemoStaff("manager", "Helen Osei", MANAGER, "Complaints manager", teams=("MEDICINE",), scope=Scope.HOSPITAL,
              compartments=(SAFEGUARDING, Compartment.LEGAL)),
    DemoStaff("manager-surgery", "Callum Drayton", MANAGER, "Head of patient experience", teams=("SURGERY",)),
    DemoStaff("manager-family", "Yasmin Farrow", MANAGER, "Deputy chief nurse", teams=("FAMILY",)),
    DemoStaff("clinician", "Dr Samuel Achterberg", CLINICIAN, "Consultant, emergency medicine", "ED"),
    DemoStaff("ed-2", "Joanne Fiske", CLINICIAN, "Charge nurse", "ED", manager="manager-family"),
    DemoStaff("amu-1", "Dr Priya Venning", CLINICIAN, "Registrar, acute medicine", "AMU"),
    DemoStaff("amu-2", "Martin Okello", CLINICIAN, "Ward sister", "AMU", manager="manager-family"),
    DemoStaff("alder-1", "Dr Fergus Lanyon", CLINICIAN, "Registrar, care of older people", "ALDER"),
    DemoStaff("alder-2", "Ruth Amankwah", CLINICIAN, "Ward sister", "ALDER", manager="manager-family"),
    DemoStaff("beech-1", "Carol Instone", CLINICIAN, "Ward sister", "BEECH"),
    DemoStaff("beech-2", "Luka Petrov", CLINICIAN, "Staff nurse", "BEECH"),
    DemoStaff("cedar-1", "Dr Anneke Vos", CLINICIAN, "Consultant, orthopaedics", "CEDAR"),
    DemoStaff("mat-1", "Dr Chidi Umeh", CLINICIAN, "Consultant, obstetrics", "MAT"),
    DemoStaff("child-1", "Siobhan Keel", CLINICIAN, "Ward sister", "CHILD"),
    DemoStaff("img-1", "Owen Prothero", CLINICIAN, "Lead radiographer", "IMG"),
    DemoStaff("out-1", "Farida Noor", CLINICIAN, "Outpatient services manager", "OUT"),
    DemoStaff("eye-1", "Dr Hugh Marchetti", CLINICIAN, "Consultant, ophthalmology", "EYE"),
    DemoStaff("day-1", "Dr Mei-Lin Carver", CLINICIAN, "Consultant surgeon", "DAY"),
    DemoStaff("fac-1", "Stan Whitlow", CLINICIAN, "Facilities manager", "FAC"),
    DemoStaff("administrator", "Imogen Tate", Role.ADMINISTRATOR, "Systems administrator"),
    DemoStaff("administrator-2", "Pavel Dunne", Role.ADMINISTRATOR, "Information governance lead"),
    DemoStaff("auditor", "Agnes Thorley", Role.AUDITOR, "Internal auditor"),
)
HANDLERS = {
    "MEDICINE": ("officer", "lead-medicine", "medicine-2", "family-3"),
    "SURGERY": ("lead-surgery", "surgery-2"),
    "FAMILY": ("lead-family", "family-2", "family-3"),
}
SIGNATORIES = {"MEDICINE": "manager", "SURGERY": "manager-surgery", "FAMILY": "manager-family"}


def unit(code: str) -> DemoUnit:
    return next(item for item in UNITS if item.code == code)


def clinicians_of(code: str) -> tuple[str, ...]:
    """Keys of the clinicians of a unit, the usual one first."""
    return tuple(person.key for person in STAFF if person.unit == code)
