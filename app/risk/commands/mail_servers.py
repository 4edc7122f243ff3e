"""Servers of mail: Postfix, Exim, Dovecot, mailing lists."""

from __future__ import annotations

from app.risk.commands.lines import Row, known_by_lines
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

GONE = declare(
    "mail.gone",
    HIGH,
    "Deletes mail that is waiting or has been received, or mailboxes.",
    "postsuper -d ALL",
    "mailq",
    language="shell",
)
CHANGES = declare(
    "mail.changes",
    HIGH,
    "Changes or stops a mail server, or who receives mail.",
    "postfix stop",
    "postfix status",
    language="shell",
)

known_by_lines(
    "postsuper",
    Row(r"-d\b", GONE, "deletes mail that has not been delivered"),
    Row(r"-[hHr]\b", CHANGES, "holds back mail or puts it into the queue again", MEDIUM),
    Row(r"", CHANGES, "repairs the queue of mail", MEDIUM),
)
known_by_lines(
    "postfix",
    Row(r"\b(?:status|check)\b"),
    Row(
        r"\b(?:reload|flush|start|set-permissions)\b",
        CHANGES,
        "has the mail server read its settings or its queue again",
        MEDIUM,
    ),
    Row(r"", CHANGES, "stops or changes the mail server"),
)
known_by_lines("postqueue", Row(r"-[pj]\b"), Row(r"", CHANGES, "has the mail server deliver its queue now", MEDIUM))
known_by_lines(
    "postconf",
    Row(r"(?:^| )-[a-z]*[exmp#][a-z]*\b|^[a-z_]+ ?=|-[mp][efx]", CHANGES, "changes settings of the mail server"),
    Row(r""),
)
known_by_lines(
    "postmulti postalias postmap newaliases",
    Row(r"-q\b|-l\b"),
    Row(r"", CHANGES, "changes whom the mail server delivers to", MEDIUM),
)
known_by_lines(
    "exim exim4 sendmail.exim",
    Row(r"-b(?:p|pc|pr|t|h|v|P|V|i)\b"),
    Row(r"-m(?:rm|g)\b", GONE, "deletes mail that has not been delivered"),
    Row(r"-(?:mf|mt|m|q\w*|r)\b", CHANGES, "delivers or holds back mail", MEDIUM),
    Row(r"", CHANGES, "sends mail or starts the mail server", MEDIUM, unread=True),
)
known_by_lines("exigrep exiqgrep exinext eximstats exipick exiqsumm pflogsumm qshape", Row(r""))
known_by_lines(
    "doveadm",
    Row(r"\b(?:expunge|deduplicate|purge)\b.*(?: -a\b|-u \*)", GONE, "deletes mail of many people", CRITICAL),
    Row(r"\b(?:expunge|purge|deduplicate|altmove)\b", GONE, "deletes mail"),
    Row(r"mailbox delete|force-resync|obox", GONE, "deletes a mailbox with all mail in it", CRITICAL),
    Row(
        r"\b(?:search|fetch|mailbox (?:list|status)|who|log|user|quota get|auth lookup|stats|dump|index|penalty|"
        r"replicator status|service status|acl (?:get|rights))\b"
    ),
    Row(r"", CHANGES, "changes mailboxes or the mail server"),
)
known_by_lines(
    "mailman list_members remove_members rmlist newlist add_members sync_members mailmanctl majordomo",
    Row(r"\b(?:members|lists|info|findmember|status|version)\b(?!.*-[ad] )"),
    Row(r"\ball\b|\bremove\b|--all|delete", GONE, "deletes members or lists"),
    Row(r"", CHANGES, "changes who receives mail"),
)
known_by_lines(
    "rspamadm opendkim-genkey opendkim-testkey spamassassin sa-learn sa-update amavisd pfdel",
    Row(r"--clear\b|\bpfdel\b", CHANGES, "deletes what the filter has learned"),
    Row(r"", CHANGES, "changes what filters mail", MEDIUM),
)
