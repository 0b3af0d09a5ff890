"""Making the demo hospital: everything through the verbs that people use, at past moments."""

from ticketing.demo.service.seeding import seed
from ticketing.demo.service.watching import top_up

__all__ = ["seed", "top_up"]
