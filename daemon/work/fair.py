"""Whose turn it is: shares of repositories by weight, and a share for what has waited longest in the refresh lane.

Start-time fair queueing (Goyal, Vin and Cheng, SIGCOMM 1996): serving a piece moves its repository forward by
1 / weight, and who has come least far is next. A repository that comes back after a rest starts where the present
turn is: it neither waits for others nor gets what it did not ask for. Each process counts for itself; where each is
fair, all together are.
"""

from __future__ import annotations

from collections.abc import Sequence

from db.claim import Turn
from db.types import Claim, Lane

_DUST = 1e-9  # ten times a tenth is a little less than one


class Fair:
    """The count of one stage in one process."""

    def __init__(self, refresh_share: float) -> None:
        self._refresh_share = refresh_share
        self._credit = 0.0
        self._virtual = dict.fromkeys(Lane, 0.0)
        self._tags: dict[tuple[Lane, int], float] = {}

    def turn(self, limit: int) -> Turn:
        """What to say with a claim of up to ``limit`` pieces."""
        return Turn(
            virtual=tuple(self._virtual[lane] for lane in Lane),
            served=tuple((lane, repo, tag) for (lane, repo), tag in self._tags.items()),
            aged=min(limit, int(self._credit + limit * self._refresh_share + _DUST)),
        )

    def took(self, claims: Sequence[Claim]) -> None:
        """What the claim brought."""
        if not claims:
            return
        for claim in claims:
            place = claim.lane, claim.repo_id
            self._tags[place] = max(self._tags.get(place, 0.0), claim.start) + 1 / claim.weight
        for lane in {claim.lane for claim in claims}:
            first = min(claim.start for claim in claims if claim.lane is lane)
            self._virtual[lane] = max(self._virtual[lane], first)
        # Who is behind the present turn starts from it anyway: the list holds only who is ahead.
        self._tags = {place: tag for place, tag in self._tags.items() if tag > self._virtual[place[0]]}
        refreshed = sum(claim.lane is Lane.REFRESH for claim in claims)
        # At most one claim's worth is owed or saved up: a quiet day must not be followed by nothing but refreshes.
        self._credit += len(claims) * self._refresh_share - refreshed
        self._credit = max(-1.0, min(1.0, self._credit))
