"""Whether enough people may decide on a request: members are matched to the approvals that all its stages need. Pure.

Everybody counts once across all stages, so stages that each have enough people may still lack some together.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from app.domain.policy.access import Member, addressed
from app.domain.policy.fold import NO_STAGE, Vote, progress, rejections, to_agree
from app.domain.policy.terms import Stage, Terms
from app.domain.policy.words import listing
from assent.contracts import Verdict

Addresses = tuple[str, ...]


class Roster:
    """Everybody who may decide, by the addresses of stages.

    Args:
        members: active people whose roles allow decisions.
    """

    def __init__(self, members: Iterable[Member]) -> None:
        self._by_address: dict[str, set[str]] = {}
        self._all: set[str] = set()
        for member in members:
            self._all.add(member.id)
            for address in member.addresses:
                self._by_address.setdefault(address, set()).add(member.id)

    def behind(self, addressed_to: Addresses) -> frozenset[str]:
        """The ids of those with one of these addresses; of all for no address."""
        if not addressed_to:
            return frozenset(self._all)
        return frozenset().union(*(self._by_address.get(address, ()) for address in addressed_to))

    def lacks(self, stages: Sequence[Stage]) -> Shortage | None:
        """What the stages lack, for any requester; None if enough people may decide."""
        needs = [(addressed(stage), stage.quorum) for stage in stages]
        return _shortage([Need(at, asked, count, self.behind(asked)) for at, (asked, count) in enumerate(needs)])


@dataclass(frozen=True)
class Need:
    """Approvals that a stage still needs, and the ids of those who can give one."""

    stage: int
    addressed_to: Addresses
    missing: int
    able: frozenset[str]


@dataclass(frozen=True)
class Shortage:
    """Stages that cannot reach their quorums.

    Attributes:
        needs: of the stages that lack people, alone or together.
        able: how many people may still decide on these.
        excluded: some of their people may not decide because they are, or may be, the requester.
    """

    needs: tuple[Need, ...]
    able: int
    excluded: bool = False

    @property
    def missing(self) -> int:
        """How many approvals these stages still need."""
        return sum(need.missing for need in self.needs)

    def words(self, names: Sequence[str], verb: str = "needs") -> str:
        """A clause such as ``it needs 2 approvals from DBA, where only one person may decide``.

        Args:
            names: who the stages' approvers are, in the order of `needs`.
        """
        approvals = "an approval" if self.missing == 1 else f"{self.missing} approvals"
        others = " apart from the requester" if self.excluded else ""
        able = (
            f"nobody{others} may decide" if not self.able
            else f"only one person{others} may decide" if self.able == 1
            else f"only {self.able} people{others} may decide"
        )  # fmt: skip
        once = ", and everybody counts once" if len(self.needs) > 1 and self.able else ""
        return f"it {verb} {approvals} from {listing(list(dict.fromkeys(names)))}, where {able}{once}"


@dataclass(frozen=True)
class Standing:
    """A pending request, as far as it matters who can still decide on it.

    Attributes:
        votes: those that count, oldest first.
        digest: of the current payload, with its `editors`.
        stage: the current one, and who was added to it by escalations.
        own: ids of those who may not decide because they are, or may be, the requester.
    """

    terms: Terms
    digest: str
    stage: int = 0
    escalated_to: Addresses = ()
    votes: Sequence[Vote] = ()
    editors: Collection[str] = ()
    own: frozenset[str] = field(default_factory=frozenset)


def shortage(standing: Standing, roster: Roster) -> Shortage | None:
    """What a request lacks to be approved; None if enough people may decide, or may still reject it together."""
    reached = progress(standing.votes, standing.digest, standing.terms, standing.editors)
    rejecting = _people(vote for vote in standing.votes if vote.verdict is Verdict.REJECT)
    spent = standing.own | rejecting | _people(_approving(standing))
    needs = []
    for at, (stage, own) in enumerate(zip(standing.terms.stages, reached.stages, strict=True)):
        if not own.reached:
            asked = addressed(stage, standing.escalated_to if at == standing.stage else ())
            needs.append(Need(at, asked, own.quorum - own.approvals, roster.behind(asked) - spent))
    found = _shortage(needs)
    if found is None:
        return None
    first = needs[0].addressed_to
    if rejecting and len(roster.behind(first) - standing.own - rejecting) >= _rejections_left(standing):
        return None
    own_people = any(roster.behind(need.addressed_to) & standing.own for need in found.needs)
    return Shortage(found.needs, found.able, own_people)


def _rejections_left(standing: Standing) -> int:
    return standing.terms.deny_threshold - rejections(standing.votes)


def _people(votes: Iterable[Vote]) -> frozenset[str]:
    return frozenset().union(*(vote.people for vote in votes))


def _approving(standing: Standing) -> list[Vote]:
    """The approvals after which nobody can approve again. An answer can be given again, unless it is the latest one."""
    digest = to_agree(standing.votes, standing.digest)
    given = (Verdict.APPROVE, Verdict.MODIFY, Verdict.ANSWER)
    return [
        vote for vote in standing.votes
        if vote.verdict in given and vote.digest == digest and vote.stage != NO_STAGE
    ]  # fmt: skip


def _shortage(needs: Sequence[Need]) -> Shortage | None:
    """The first group of needs that too few people can fill, by the matching theorem of Hall; None: all can be filled.

    A need that more people can fill than there are approvals altogether never lacks any, so it is left out.
    """
    total = sum(need.missing for need in needs)
    tight = [need for need in needs if len(need.able) < total]
    taken: dict[str, Need] = {}
    for need in tight:
        for _ in range(need.missing):
            asked: set[str] = set()
            lacking: list[Need] = []
            if not _take(need, taken, asked, lacking):
                stages = {lack.stage: lack for lack in lacking}
                return Shortage(tuple(stages[at] for at in sorted(stages)), len(asked))
    return None


def _take(need: Need, taken: dict[str, Need], asked: set[str], lacking: list[Need]) -> bool:
    """Give the need one more person, who may have to be taken from another need that then gets somebody else.

    Args:
        taken: whom each need has; changed if this succeeds.
        asked: who was tried, and `lacking` the needs that could not do without them.
    """
    lacking.append(need)
    for person in sorted(need.able - asked):
        if person in asked:
            continue
        asked.add(person)
        if person not in taken or _take(taken[person], taken, asked, lacking):
            taken[person] = need
            return True
    return False
