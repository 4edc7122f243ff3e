"""Deeds that are worse than their verbs alone say, such as unlocking a door."""

from __future__ import annotations

from collections.abc import Iterator

from app.domain.risk import Finding
from app.risk.rules import word_set
from app.risk.tools import names
from app.risk.tools.call import ToolCall, words_in
from app.risk.tools.combinations import MACHINE_STOPS, PUBLIC
from app.risk.tools.deeds import (
    APPROVES,
    BULK,
    CANCELS,
    COMMITS,
    INSTALLS,
    LOCKS_OUT,
    MAILS_MANY,
    MANY_WORDS,
    PHYSICAL,
    PUBLISHES,
    RESTORES,
    Deed,
    Said,
)
from app.risk.tools.money_deeds import CHANGES, MONEY
from app.risk.tools.whole_deeds import WHOLES

_PEOPLE = word_set(
    "user account member employee customer person staff contractor login principal subscriber seller tenant "
    "device phone laptop card"
)
_MACHINERY = word_set(
    "plc scada modbus opcua actuator valve breaker turbine pump boiler robot drone elevator conveyor furnace motor "
    "ventilator infusion insulin crane forklift spindle cnc gripper"
)
_DOORS = word_set("door gate garage lock smartlock deadbolt barrier safe vehicle car trunk hatch")
_BOUGHT = word_set(
    "subscription contract booking reservation flight shipment payment payroll transfer membership license "
    "insurance warranty payout mandate"
)
_STATES = word_set(
    "backup snapshot database db volume disk dump vm instance cluster table schema collection partition checkpoint "
    "pitr image"
)
_REVIEWED = word_set(
    "pull pr mr review deployment change release expense invoice payment contract loan purchase exception gate access "
    "timesheet request payroll claim refund payout budget privilege entitlement waiver"
)
_ALARMS = word_set("alert finding vulnerability detection advisory violation threat")
_SOFTWARE = word_set("extension plugin addon app application software driver program agent skill connector msi exe")
_MAILINGS = word_set("campaign newsletter broadcast blast mailing announcement mailshot")
_DANGEROUS_DOMAINS = {
    "lock": "unlock open", "alarm": "disarm", "cover": "open toggle", "valve": "open close toggle",
    "siren": "turn", "homeassistant": "restart stop", "hassio": "host addon backup restore stop restart",
    "shell": "command", "python": "script", "water": "set", "lawn": "start", "vacuum": "",
}  # fmt: skip
_MOST_ENTITIES = 50
_SHADES = word_set("blind shade curtain awning")
_NOT_MANY = word_set("mark read select save expand collapse stage format test check fetch message tab")

_GRAVE = (
    *WHOLES,
    *MONEY,
    Deed(
        PHYSICAL,
        "opens or unlocks something that keeps people out",
        word_set("unlock open unlatch"),
        _DOORS,
        without=word_set("file thread issue account user record row database terraform state browser terminal pr tab"),
    ),
    Deed(PHYSICAL, "disarms an alarm", word_set("disarm")),
    Deed(
        PHYSICAL,
        "moves or switches a machine in the real world",
        word_set(
            "write set open close start stop move toggle fly land drive send turn run execute pick rotate takeoff arm "
            "launch"
        ),
        _MACHINERY,
        without=word_set("build pipeline ci account simulation simulator"),
    ),
    Deed(
        LOCKS_OUT,
        "takes somebody's access away",
        word_set(
            "deactivate suspend disable block ban lock offboard expel kick freeze close unenroll retire fire demote"
        ),
        _PEOPLE,
        without=word_set("manager agent activity review note ticket story notification"),
    ),
    Deed(CANCELS, "cancels what somebody has bought or agreed on", word_set("cancel reverse abort"), _BOUGHT),
    Deed(
        RESTORES,
        "replaces what is there now by older data",
        word_set("restore recover rewind"),
        _STATES,
        without=word_set("test verify"),
    ),
    Deed(
        APPROVES,
        "approves what a person should have looked at",
        word_set("approve countersign certify waive override"),
        _REVIEWED,
        without=word_set("comment draft"),
    ),
    Deed(
        RESTORES,
        "replaces what is there now by older data",
        word_set("restore"),
        word_set("pg mysql mongo redis mssql"),
    ),
    Deed(
        COMMITS,
        "accepts something that binds somebody",
        word_set("accept"),
        word_set("quote offer proposal terms bid contract agreement"),
        without=word_set("job invite meeting draft"),
    ),
    Deed(
        PUBLISHES,
        "releases software to everybody who uses it",
        word_set("release publish rollout"),
        word_set("store appstore playstore testflight"),
        without=word_set("list get draft vector data"),
    ),
    Deed(
        APPROVES,
        "sets aside a warning that a person should look at",
        word_set("dismiss suppress ignore"),
        _ALARMS,
    ),
    Deed(
        COMMITS,
        "signs something for somebody",
        word_set("sign countersign"),
        word_set("document contract agreement nda lease declaration"),
        without=word_set("verify request hash"),
    ),
    Deed(
        COMMITS,
        "files something that binds somebody",
        word_set("submit file lodge"),
        word_set("tax claim filing tender lawsuit visa patent trademark mortgage permit bid dispute chargeback"),
        without=word_set("draft read list get"),
    ),
    Deed(
        PUBLIC,
        "opens something to the network",
        word_set("open expose forward tunnel map publish"),
        word_set("port tunnel ingress loadbalancer nodeport ngrok"),
        without=word_set("email mail message close report"),
    ),
    Deed(PUBLIC, "opens something to the network", word_set("expose"), without=word_set("metric variable field")),
    Deed(
        PHYSICAL,
        "treats a patient",
        word_set("dispense administer inject infuse prescribe"),
        without=word_set("dependency script code fault prompt context token"),
    ),
    Deed(
        names.DESTRUCTIVE,
        "deletes records of what has been done",
        word_set("clear empty rotate"),
        word_set("eventlog log audit journal"),
        without=word_set("cache console browser terminal screen chat output"),
    ),
    Deed(
        names.DESTRUCTIVE,
        "deletes what it thinks is no longer needed",
        word_set("clean retire expire"),
        word_set("up old unused stale orphaned server session host machine volume image resource"),
        without=word_set("build cache code text data string input html name token card link"),
    ),
    Deed(INSTALLS, "adds software that has not been read", word_set("install sideload uninstall"), _SOFTWARE),
    Deed(
        INSTALLS,
        "loads code that has not been read",
        word_set("load insmod"),
        word_set("extension plugin addon driver kernel dll library"),
        without=word_set("list get catalog book media photo music"),
    ),
    Deed(
        names.GRANTS,
        "lets somebody act for another person",
        word_set("add set create assign"),
        word_set("delegate delegation proxy"),
        without=word_set("server http https task web cache port"),
    ),
    Deed(
        INSTALLS,
        "adds a server whose tools the agent will use",
        word_set("add install register enable connect"),
        word_set("mcp"),
        word_set("server mcpserver"),
    ),
    Deed(
        PUBLISHES,
        "releases software to everybody who uses it",
        word_set("publish release push upload"),
        word_set("package npm pypi crate gem nuget extension plugin library module"),
        without=word_set("unpublish draft preview check local"),
    ),
    Deed(
        names.GRANTS,
        "makes somebody an administrator",
        word_set("add make create set promote invite assign give"),
        word_set("admin administrator owner superuser sudoer superadmin maintainer"),
        without=word_set("page panel note comment email dashboard task ticket label"),
    ),
    Deed(
        names.GRANTS,
        "changes what somebody may do",
        word_set("modify update set put add attach change edit patch bind assign apply create replace"),
        word_set("iam rbac acl role permission privilege entitlement rolebinding clusterrolebinding"),
        without=word_set("get list remove description label page play playback job"),
    ),
    Deed(
        names.GRANTS,
        "changes what the agent itself may do",
        word_set("modify update set put add change edit patch write create replace allow"),
        word_set("setting permission config hook allowlist rule policy"),
        word_set("agent claude codex cursor gemini copilot assistant"),
    ),
    Deed(
        PHYSICAL,
        "changes how a patient is treated",
        CHANGES | word_set("adjust stop discontinue"),
        word_set("medication dose dosage prescription treatment infusion"),
        without=word_set("note reminder get list schedule report"),
    ),
    Deed(
        MAILS_MANY,
        "sends something to many people",
        word_set("send launch publish start trigger resume blast broadcast"),
        _MAILINGS,
        without=word_set("test draft preview stop pause stats report"),
    ),
    Deed(
        names.GRANTS,
        "makes an account for programs, or another way to sign in",
        word_set("create register add configure set update"),
        word_set("oauth oidc saml sso federation idp serviceaccount"),
        without=word_set("list get test token session user email"),
    ),
    Deed(
        names.GRANTS,
        "makes an account for programs",
        word_set("create register add"),
        word_set("account"),
        word_set("service"),
        word_set("customer note ticket bank crm email"),
    ),
    Deed(
        names.GRANTS,
        "changes who owns something",
        word_set("change transfer set update assign"),
        word_set("owner ownership"),
        without=word_set("task ticket issue story record deal lead case note"),
    ),
    Deed(
        PUBLIC,
        "changes who is kept out of a network",
        word_set("update add set create modify change edit replace"),
        word_set("waf firewall securitygroup"),
        without=word_set("block deny list get comment tag"),
    ),
    Deed(
        names.DESTRUCTIVE,
        "makes one of two, which cannot be taken apart again",
        word_set("merge dedupe deduplicate"),
        word_set("customer account contact user patient person profile"),
        without=word_set("pull request branch pr suggest find preview"),
    ),
    Deed(
        MACHINE_STOPS,
        "takes a service out of use for maintenance",
        word_set("set enable start turn activate enter"),
        word_set("maintenance"),
        without=word_set("window schedule end disable exit note page banner get list request ticket"),
    ),
    Deed(
        names.DESTRUCTIVE,
        "forgets what has been done, or does it again",
        word_set("clear reset rerun backfill"),
        word_set("task dag run offset checkpoint watermark cursor"),
        word_set("airflow dagster prefect kafka flink spark dbt consumer connect debezium"),
        word_set("list get"),
    ),
    Deed(
        names.DESTRUCTIVE,
        "deletes what could still be taken back",
        word_set("empty clear purge"),
        word_set("trash bin recycle junk wastebasket"),
    ),
    Deed(PUBLIC, "lets in people who are not known", word_set("enable allow permit"), word_set("guest anonymous")),
    Deed(PUBLISHES, "releases software to everybody who uses it", word_set("publish"), word_set("release")),
    Deed(MACHINE_STOPS, "leaves nothing of a service running", word_set("scale"), word_set("zero")),
)
"""Deeds that are worse than their verbs alone."""


_WEAK_ROLES = word_set("reader viewer commenter read view guest member basic")


def grave_findings(call: ToolCall, said: Said) -> Iterator[Finding]:
    """Return what a call does that is worse than its verb alone says. Nothing is returned for one that only looks."""
    if names.only_looks(call) or call.judged in ("program", "paths"):
        return
    weak = set(words_in(call.text("role", "permission", "access"))) & _WEAK_ROLES
    for deed in _GRAVE:
        if call.judged == "code" and deed.rule is not INSTALLS:
            continue
        if deed.is_done(said) and not (deed.rule is names.GRANTS and weak):
            yield deed.rule.finding(f"The tool's name says that it {deed.meaning}.", None, deed.level)
    if call.judged:
        return
    if "subscription" in said.words and said.words & {"create", "start", "renew", "extend"} and _is_billed(call):
        yield names.PAYS.finding("The tool's name says that it changes what is paid from now on.")
    yield from at_home(call, said)
    acts = said.words & names.ACTING
    many = said.words & MANY_WORDS or {"all"} & set(call.words)
    if many and acts and not said.words & _NOT_MANY:
        yield BULK.finding("The tool's name says that it changes many things at once.")


def _is_billed(call: ToolCall) -> bool:
    return any({"plan", "price", "customer", "coupon", "trial"} & setting.words for setting in call.settings)


def at_home(call: ToolCall, said: Said) -> Iterator[Finding]:
    """Yield what a service of home automation does that is not for an agent alone."""
    words = said.service
    dangerous = set(_DANGEROUS_DOMAINS.get(words[0], "").split()) if words else set()
    if not dangerous & {*words[1:], *call.words, *call.action}:
        return
    entities = {word for argument in call.texts[:_MOST_ENTITIES] for word in words_in(argument.text)}
    if not entities & _SHADES:
        yield PHYSICAL.finding("The service opens, disarms, restarts, or runs something at home.")
