"""The statement behind the insights, composed of parts that can be read separately.

Each part returns rows with its name and a JSON object. Parameters: `since`, `until`, `soon`, `speed` (characters per
second), `groups` and `lapses` (row limits), `viewer` (ids of everybody who may be looking), and `workflow` and `team`
if the statement is restricted to them.
"""

from __future__ import annotations

_BY_WORKFLOW = "and r.workflow = :workflow"
_BY_TEAM = "and r.addressed_to && cast(:team as text[])"

# An automatic answer has no decision by a person; a person who decides before it comes takes precedence.
# Only the stored size of a payload is used, for which a long one need not be fetched.
_SETTLED = """
settled as materialized (
    select r.id, r.workflow, r.risk, r.state, r.addressed_to, r.opened_at, r.resolved_at, r.answered_by,
        r.proposed_digest, greatest(octet_length(r.payload), octet_length(r.proposed)) as size,
        r.answered_by <> '' and r.state in ('approved', 'rejected') and not exists (
            select from decisions as d where d.request_id = r.id and d.withdrawn_at is null) as by_itself
    from approval_requests as r
    where r.state <> 'pending' and r.resolved_at >= :since and r.resolved_at < :until {filters}
)"""

_WAITING = """
waiting as (
    select r.risk, count(*) as count, count(*) filter (where r.expires_at < :soon) as soon, min(r.opened_at) as oldest
    from approval_requests as r where r.state = 'pending' {filters} group by r.risk
)"""

# Expiries, cancellations, and supersessions are not decisions.
_DECIDED = """
decided as materialized (
    select workflow, addressed_to, extract(epoch from resolved_at - opened_at)::float8 as took
    from settled
    where state in ('approved', 'modified', 'changes_requested', 'rejected', 'answered') and not by_itself
)"""

_SPREAD = "percentile_cont(array[0.5, 0.9]) within group (order by took) as spread"

_PACE = """
pace as (
    select coalesce(workflow, '') as name, grouping(workflow) = 1 as overall, count(*) as count, {spread}
    from decided group by grouping sets ((workflow), ()) having count(*) > 0
),
by_workflow as (
    select name, count, spread, count(*) over () as of from pace where not overall
    order by count desc, name limit :groups
),
asked as (
    select a.name, took from decided cross join lateral (
        select distinct case when address like 'team:%' then address when address = '' then '' else 'person' end as name
        from unnest(case when addressed_to = '{}' then array[''] else addressed_to end) as address) as a
),
by_team as (
    select name, count(*) as count, {spread}, count(*) over () as of
    from asked group by name order by count desc, name limit :groups
)"""

_ENDED = """
ended as (
    select state, count(*) as count, count(*) filter (where by_itself) as by_itself,
        count(*) filter (where by_itself and answered_by like 'policy:%') as by_policy
    from settled group by state
)"""

_EXPIRED = """
lapsed as (
    select count(*) filter (where o.verdict = 'approve') as approved
    from settled as s join outcomes as o on o.request_id = s.id where s.state = 'expired'
),
lapse as (
    select r.id, r.title, r.risk, r.workflow, newest.resolved_at as at,
        coalesce(o.verdict = 'approve', false) as approved
    from (select id, resolved_at from settled where state = 'expired' order by resolved_at desc, id limit :lapses)
        as newest
    join approval_requests as r on r.id = newest.id left join outcomes as o on o.request_id = newest.id
    order by newest.resolved_at desc, newest.id
)"""

_SOURCE = """
answered as (
    select answered_by, count(*) as count from settled
    where by_itself and answered_by not like 'policy:%' group by answered_by
    order by count desc, answered_by limit :groups
),
source as (
    select a.answered_by, a.count, coalesce(g.title, e.title) as title
    from answered as a
    left join grants as g on a.answered_by = 'grant:' || g.id
    left join approval_requests as e on a.answered_by like 'rejection:%' and e.id = substr(a.answered_by, 11)
    order by a.count desc, a.answered_by
)"""

# A rule keeps its name from version to version. Until somebody has reviewed it, requesters must not learn that a
# request of theirs was drawn, not by counting either.
_RULE = """
ruled as (
    select substr(s.answered_by, length('policy:') + 1) as source, s.state, d.request_id as drawn, d.agrees
    from settled as s left join decision_samples as d on d.request_id = s.id and (
        d.reviewed_at is not null or not exists (
            select from approval_requests as r where r.id = s.id
                and (r.requester_id = any(cast(:viewer as text[])) or r.makers && cast(:viewer as text[]))))
    where s.answered_by like 'policy:%'
),
rule as (
    select substr(source, strpos(source, ':') + 1) as name, count(*) filter (where state = 'approved') as approved,
        count(*) filter (where state = 'rejected') as rejected, count(drawn) as sampled, count(agrees) as reviewed,
        count(*) filter (where not agrees) as disagreed, count(*) over () as of
    from ruled group by name order by count(*) desc, name limit :groups
)"""

# A person could read what they approved from the latest of three moments: the request was opened, its stage began, or
# another reviewer changed it to its present form.
_APPROVAL = """
approval as materialized (
    select s.id, s.risk, s.size, d.seen_digest = s.proposed_digest as as_proposed,
        extract(epoch from d.at - greatest(
            s.opened_at,
            case when d.stage > 0 then (
                select max(e.at) from decisions as e
                where e.request_id = s.id and e.withdrawn_at is null and e.stage < d.stage) end,
            case when d.seen_digest <> s.proposed_digest then (
                select min(e.at) from decisions as e
                where e.request_id = s.id and e.withdrawn_at is null and e.digest = d.seen_digest
                    and e.verdict = 'modify') end
        ))::float8 * :speed as readable
    from settled as s
    join decisions as d on d.request_id = s.id and d.withdrawn_at is null and d.verdict in ('approve', 'modify')
    where s.state in ('approved', 'modified')
)"""

# Canonical JSON is ASCII. Its \uXXXX escapes can stand for something that the database cannot store as text, so U+E000
# replaces them while the JSON is parsed, followed by the four digits. It is only parsed if not even the whole stored
# text could have been read in time, and then once (which the offsets ensure).
_HASTY = r"""
faster as (
    select distinct a.id
    from approval as a
    join approval_requests as r on r.id = a.id
    cross join lateral (
        select replace(replace(
            case when a.as_proposed and r.proposed is not null then r.proposed else r.payload end,
            '\\', '.'), '\u', U&'\E000')::json as body offset 0
    ) as taken_apart
    cross join lateral (
        select case r.kind
            when 'script' then body ->> 'content'
            when 'tool_call' then body ->> 'args'
            when 'optimizations' then (
                select string_agg(item ->> 'statement', '') from json_array_elements(body -> 'items') as item)
            when 'plan' then body ->> 'steps'
            when 'custom' then body ->> 'data'
            else coalesce(body ->> 'value', body::text) end as words offset 0
    ) as reading
    where a.readable < a.size
        and length(words) - 4 * (length(words) - length(replace(words, U&'\E000', ''))) > a.readable
),
hasty as (
    select a.risk, count(distinct a.id) as approved, count(distinct f.id) as faster
    from approval as a left join faster as f on f.id = a.id group by a.risk
)"""

# People changed a proposal if they approved it with changes, or requested changes. The request that taught the first
# lesson was opened before it.
_TAUGHT = """
taught as (
    select s.workflow as name, known.since as first_at,
        count(*) filter (where s.opened_at < known.since) as before,
        count(*) filter (where s.opened_at < known.since and s.state <> 'approved') as before_changed,
        count(*) filter (where s.opened_at >= known.since) as after,
        count(*) filter (where s.opened_at >= known.since and s.state <> 'approved') as after_changed,
        count(used.request_id) as used,
        count(used.request_id) filter (where s.state <> 'approved') as used_changed
    from settled as s
    join (select workflow, min(learned_at) as since from lessons group by workflow) as known using (workflow)
    left join (select distinct request_id from lesson_uses) as used on used.request_id = s.id
    where s.state in ('approved', 'modified', 'changes_requested') and not s.by_itself
    group by s.workflow, known.since order by count(*) desc, s.workflow limit :groups
)"""

_ANSWER = """
select 'any' as part, '{}'::json as body where exists (select from approval_requests)
union all select 'catalog', json_build_object('name', name) from (select name from workflows order by name limit 200)
    as named
union all select 'waiting', row_to_json(counted) from waiting as counted
union all select 'overall', row_to_json(counted) from pace as counted where overall
union all select 'by_workflow', row_to_json(counted) from by_workflow as counted
union all select 'by_team', row_to_json(counted) from by_team as counted
union all select 'ended', row_to_json(counted) from ended as counted
union all select 'hasty', row_to_json(counted) from hasty as counted
union all select 'lapsed', row_to_json(counted) from lapsed as counted
union all select 'lapse', row_to_json(counted) from lapse as counted
union all select 'source', row_to_json(counted) from source as counted
union all select 'rule', row_to_json(counted) from rule as counted
union all select 'taught', row_to_json(counted) from taught as counted
"""

_PARTS = (_SETTLED, _WAITING, _DECIDED, _PACE, _ENDED, _EXPIRED, _SOURCE, _RULE, _APPROVAL, _HASTY, _TAUGHT)


def statement_of(*, workflow: bool, team: bool) -> str:
    """The statement, optionally restricted to one workflow or to one team."""
    filters = " ".join(words for words, wanted in ((_BY_WORKFLOW, workflow), (_BY_TEAM, team)) if wanted)
    parts = ",".join(_PARTS).replace("{filters}", filters).replace("{spread}", _SPREAD)
    return f"with {parts}{_ANSWER}"
