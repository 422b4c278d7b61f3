"""What managers keeps."""

from __future__ import annotations

from services.managers.domain import team as teams
from services.managers.domain.team import Colleague, Team
from shared.bus.records import Column, Table

TEAMS = Table(
    Team,
    "teams",
    # Searched only when a user was renamed or lost the login.
    columns={"members": Column("text", teams.search_text)},
    by_subject=True,
    part="managers",
    about=lambda team: team.id,
)
COLLEAGUES = Table(Colleague, "colleagues")
TABLES = (TEAMS, COLLEAGUES)
