"""Directories of people and services: LDAP, Kerberos, Keycloak, and their like."""

from __future__ import annotations

from app.risk.commands.lines import Row, known_by_lines
from app.risk.rules import declare
from assent.contracts import RiskLevel

SAFE, LOW, MEDIUM, HIGH, CRITICAL = RiskLevel

GONE = declare(
    "directory.gone",
    CRITICAL,
    "Deletes a directory, a realm, or everybody in it.",
    "kcadm.sh delete realms/shop",
    "kcadm.sh get realms/shop",
    language="shell",
)
CHANGES = declare(
    "directory.changes",
    HIGH,
    "Changes accounts, groups, or settings of a directory.",
    "kcadm.sh delete users/5 -r shop",
    "kcadm.sh get users -r shop",
    language="shell",
)

known_by_lines("ldapsearch ldapwhoami ldapcompare ldapurl slaptest slapschema slapauth slapdn", Row(r""))
known_by_lines(
    "ldapdelete",
    Row(r"(?:^| )-[a-z]*r\b|-M\b", GONE, "deletes an entry of the directory with everything under it"),
    Row(r"", CHANGES, "deletes entries of the directory"),
)
known_by_lines(
    "ldapmodrdn ldapexop ldapvi ldapmodify ldapadd ldappasswd", Row(r"", CHANGES, "changes the directory", unread=True)
)
known_by_lines("slapcat", Row(r"", CHANGES, "takes the directory out, with the hashes of passwords"))
known_by_lines(
    "slapadd slapindex slapd slappasswd slapmodify", Row(r"-[a-z]*u\b"), Row(r"", CHANGES, "changes the directory")
)
known_by_lines(
    "dsconf dsctl dsidm dscreate 389-console",
    Row(r"\bremove\b.*--do-it|\b(?:db2ldif|bak2db|ldif2db)\b", GONE, "deletes or replaces the directory"),
    Row(r"\b(?:list|get|show|status|search|healthcheck|lint)\b"),
    Row(r"", CHANGES, "changes the directory"),
)
known_by_lines(
    "kcadm kcadm.sh",
    Row(r"\bdelete realms/[^/ ]+(?: |$)", GONE, "deletes a realm with all accounts in it"),
    Row(r"\bdelete\b", CHANGES, "deletes something in the directory"),
    Row(r"^(?:\S+ ){0,2}?(?:get|get-roles|help|config truststore)\b"),
    Row(r"\bconfig credentials\b", CHANGES, "signs in to the directory", MEDIUM),
    Row(r"", CHANGES, "changes accounts, roles, or settings of the directory"),
)
known_by_lines(
    "kc.sh kc keycloak",
    Row(r"\bimport\b.*override", GONE, "replaces realms"),
    Row(r"\b(?:show-config|--version)\b"),
    Row(r"", CHANGES, "changes the server of the directory"),
)
known_by_lines(
    "kdb5_util kdb5_ldap_util",
    Row(r"\b(?:destroy|load|stash -f)\b", GONE, "deletes or replaces the database of all principals"),
    Row(r"\b(?:list_mkeys|view|tabdump)\b"),
    Row(r"", CHANGES, "changes or copies the database of all principals"),
)
known_by_lines(
    "sss_cache sssctl sss_override sss_obfuscate",
    Row(r"\b(?:user-show|group-show|domain-list|domain-status|user-checks|config-check|logs-fetch|cert-show)\b"),
    Row(r"cache-remove|-e\b", CHANGES, "empties what is kept of the directory", MEDIUM),
    Row(r"", CHANGES, "changes how accounts are looked up"),
)
known_by_lines(
    "ipa-server-install ipa-client-install ipa-replica-manage ipa-replica-install ipa-server-upgrade "
    "ipa-csreplica-manage ipa-ca-install ipa-cacert-manage",
    Row(r"--uninstall|\bdel\b|force-sync|re-initialize", GONE, "deletes or replaces a directory server"),
    Row(r"\blist\b"),
    Row(r"", CHANGES, "changes a directory server"),
)
known_by_lines("ipa-restore", Row(r"", GONE, "replaces the directory by an older one"))
known_by_lines("ipa-backup", Row(r"", CHANGES, "takes the directory out"))
known_by_lines(
    "ak authentik kanidm kanidmd zitadel authelia lldap_cli dex ory kratos",
    Row(
        r"\b(?:delete|remove|destroy|purge)\b.*(?:\ball\b|--all|tenant|domain|realm|instance)",
        GONE,
        "deletes a directory",
    ),
    Row(r"\b(?:list|get|show|status|whoami|search|version|validate|config test)\b"),
    Row(r"", CHANGES, "changes accounts or settings of a directory"),
)
