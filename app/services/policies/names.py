"""Names in a policy that nobody has, and stages that too few people can decide."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.domain.policy.access import addressed
from app.domain.policy.document import Body, PolicyDocument, Rule
from app.domain.policy.doubts import teams_in_conditions
from app.domain.policy.shortage import Roster
from app.domain.policy.summary import bodies, named_in
from app.domain.policy.terms import Stage
from app.domain.policy.words import listing, who_words
from app.services.requests.shortages import Deciders
from app.store.people import Team


def unknown_names(session: Session, document: PolicyDocument) -> tuple[str, ...]:
    """A warning for each unknown team or person in the policy, and for what too few people can decide.

    People may be added later, so none of this prevents a policy from being loaded.
    """
    teams, people = named_in(document)
    in_conditions = teams_in_conditions(document)
    known = set(session.scalars(select(Team.slug).where(Team.slug.in_({*teams, *in_conditions}))))
    deciders = Deciders(session)
    addresses = {actor.email.lower() for actor in deciders.actors}
    warnings = [f"There is no team {team}." for team in sorted(teams - known)]
    warnings += [f"Nobody with an active account has the address {address}." for address in sorted(people - addresses)]
    for team in sorted(set(in_conditions) - known):
        rules = listing([f"“{rule}”" for rule in in_conditions[team]])
        warnings.append(f"There is no team {team}, which the condition of {rules} names.")
    for name, body in bodies(document):
        if not isinstance(body, Rule) or body.decide is None:
            warnings += [f"{name}: {words}" for words in _too_few(body, deciders.roster)]
    return tuple(dict.fromkeys(warnings))


def _too_few(body: Body, roster: Roster) -> Iterator[str]:
    stages = [Stage(teams=stage.teams, people=stage.people, quorum=stage.quorum) for stage in body.asked]
    lacking = False
    for stage in stages:
        able, who = len(roster.behind(addressed(stage))), who_words(stage.teams, stage.people)
        if able < stage.quorum:
            lacking = True
            yield f"needs {stage.quorum} of {who}, where {able or 'nobody'} may decide."
        elif able < body.deny_threshold:
            yield f"needs {body.deny_threshold} rejections to be rejected, and of {who} only {able} may decide."
    if not lacking and (found := roster.lacks(stages)) is not None:
        whose = [who_words(stages[need.stage].teams, stages[need.stage].people) for need in found.needs]
        only = "only one person" if found.able == 1 else f"only {found.able} people"
        yield (
            f"needs {found.missing} approvals from {listing(list(dict.fromkeys(whose)))} together, where {only} may "
            "decide, and everybody counts once."
        )
    for step in body.escalation:
        asked = addressed(Stage(teams=step.teams, people=step.people))
        if asked and not roster.behind(asked):
            who = who_words(step.teams, step.people)
            yield f"the escalation after {step.after.words} adds nobody, because nobody of {who} may decide."
