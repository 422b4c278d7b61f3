"""What managers keeps."""

from __future__ import annotations

from services.managers.domain.team import Colleague, Team
from shared.bus.records import Table

TEAMS = Table(Team, "teams", by_subject=True)
COLLEAGUES = Table(Colleague, "colleagues")
TABLES = (TEAMS, COLLEAGUES)
