"""Deeds that are more harmless than their verbs alone say, such as keeping a draft."""

from __future__ import annotations

from app.domain.risk import Finding
from app.risk.rules import word_set
from app.risk.tools import names
from app.risk.tools.call import ToolCall, words_in
from app.risk.tools.deeds import CLEARS_CACHE, COMPUTES, MANY_WORDS, SMALL, TESTS, Deed, Said
from app.risk.tools.grave_deeds import at_home
from app.risk.tools.kinds import is_arithmetic
from assent.contracts import RiskLevel

_WRITTEN = word_set("add create make new set put save store write append insert update upsert edit compose record keep")
_UNDONE = word_set("send submit publish post broadcast share delete remove destroy purge clear wipe forget schedule")
_CODE_OWNED = word_set("pull request pr merge mr release order")
_MARKED = word_set("label star reaction emoji bookmark favorite favourite upvote watcher unread seen heart thumbsup")
_INFRASTRUCTURE = word_set("node namespace pod cluster sensitivity classification price shipping shipment mail postage")
_PLAYERS = word_set(
    "light lamp bulb brightness volume playback song track music playlist player media tv speaker scene led hue "
    "spotify sonos lifx nanoleaf chromecast roku fan blind shade"
)
_PLAYED = word_set(
    "turn play pause resume next skip previous set dim toggle mute unmute volume brightness color adjust on off seek "
    "queue stop open close activate call"
)
_TESTED = word_set(
    "test pytest jest vitest mocha junit unittest lint linter linting eslint ruff flake pylint mypy tsc typecheck "
    "typechecker coverage spec prettier"
)
_RUN = word_set("run execute exec start launch check rerun invoke format fix")
_NOT_ONLY_TESTS = word_set("load stress penetration pen pentest chaos ab deploy phishing fire speed delete remove")
_MADE = word_set(
    "image picture text summary report chart diagram speech audio thumbnail qr uuid guid embedding caption title "
    "slug color palette lorem outline draft haiku code"
)
_CACHES = word_set("cache cdn cloudfront fastly varnish memo")
_GATED = word_set("flag flags toggle feature experiment variation rollout")
_SWITCHES = word_set("update set toggle enable disable create turn patch change upsert edit switch on off")
_TRIAL = word_set("test testing dev develop development staging stage sandbox qa preview local integration ci uat demo")
_CLUSTERS = ("context", "kubecontext", "cluster")
_PLACES = ("environment", "env", "stage", "environmentkey", "environmentid", "envkey", "tier")
_OWN_NOTES = word_set(
    "notecreate createnote addnote noteadd savenote takenote writenote appendnote noteappend newnote "
    "notewrite updatenote"
)
_CALCULATORS = word_set("calculator calculate calc math compute evaluate eval arithmetic")

_LIGHT = (
    Deed(
        SMALL,
        "only keeps a draft",
        _WRITTEN | {"reply"},
        word_set("draft"),
        without=_UNDONE | _CODE_OWNED,
    ),
    Deed(
        SMALL,
        "only keeps a draft",
        word_set("draft"),
        word_set("message email mail reply post announcement tweet response letter answer"),
        without=_UNDONE - {"post"},
    ),
    Deed(SMALL, "changes how something looks", word_set("set change toggle"), word_set("theme font wallpaper zoom")),
    Deed(
        SMALL,
        "says what one is doing",
        word_set("set update clear change"),
        word_set("status presence"),
        word_set("slack teams discord zoom"),
        without=_UNDONE - {"clear"},
    ),
    Deed(
        COMPUTES,
        "only makes a picture or document",
        word_set("export render save plot"),
        word_set("chart diagram figure plot graph svg png pdf"),
        without=_UNDONE | word_set("database table customer user contact email"),
    ),
    Deed(SMALL, "keeps something in mind for the agent", word_set("remember memorize"), without=_UNDONE),
    Deed(
        SMALL,
        "changes which news one gets",
        word_set("snooze mute unmute follow unfollow unwatch thumbs unlike"),
        word_set("email conversation thread notification issue channel message page card task repo up down post topic"),
        without=_UNDONE - {"post"},
    ),
    Deed(
        SMALL,
        "keeps an address for later",
        _WRITTEN | word_set("bookmark to"),
        word_set("bookmark reading page"),
        word_set("bookmark readinglist list pocket instapaper raindrop"),
        _UNDONE | word_set("block allow deny role user member customer mailing"),
    ),
    Deed(
        TESTS,
        "runs tests, or checks or formats code",
        frozenset(),
        word_set("test lint vet fmt"),
        word_set("go cargo npm yarn pnpm mvn maven gradle dotnet swift flutter mix rspec phpunit rake bazel tox nox"),
        _NOT_ONLY_TESTS | word_set("publish push install"),
    ),
    Deed(
        COMPUTES,
        "only suggests a text",
        word_set("generate suggest propose brainstorm rewrite improve"),
        word_set("message reply email response post copy answer idea name regex query headline tagline commit text"),
        without=word_set("send submit publish deliver execute run create push apply key token"),
    ),
    Deed(
        COMPUTES,
        "only computes something",
        word_set("sum detect compress resize crop minify normalize dedupe deduplicate sort count round average rotate"),
        word_set(
            "number language sentiment image picture text pdf video audio value list array object face color json"
        ),
        without=word_set("delete update set send table key secret log partition"),
    ),
    Deed(COMPUTES, "only computes something", word_set("analysis sentiment"), without=names.ACTING),
    Deed(SMALL, "pins a message", word_set("pin unpin"), word_set("message note thread tab card")),
    Deed(
        SMALL,
        "puts a mark on something or takes it off",
        _WRITTEN | word_set("mark apply toggle remove"),
        _MARKED,
        without=_INFRASTRUCTURE | word_set("delete send post role shipping public"),
    ),
    Deed(
        SMALL,
        "puts a mark on something or takes it off",
        word_set("star unstar bookmark react unpin upvote favorite"),
        without=_UNDONE - {"remove"},
    ),
    Deed(SMALL, "marks something as read", word_set("mark"), word_set("read unread seen"), without=_UNDONE),
    Deed(
        SMALL,
        "changes what the agent remembers",
        _WRITTEN | word_set("remember relate link"),
        besides=word_set("memory memories scratchpad mem knowledgegraph"),
        without=_UNDONE | word_set("limit usage size vm instance container function heap lambda"),
    ),
    Deed(
        SMALL,
        "changes a list or a reminder of one's own",
        _WRITTEN | word_set("complete check uncheck reorder start"),
        word_set("todo todoist reminder timer stopwatch checklist ticktick alarmclock clock countdown pomodoro"),
        without=_UNDONE | word_set("cron scheduler system server function trigger"),
    ),
    Deed(
        SMALL,
        "takes away one small thing of one's own",
        word_set("delete discard remove forget"),
        word_set("draft reminder timer bookmark reaction label observation favorite watcher scratchpad"),
        without=_INFRASTRUCTURE | word_set("send all"),
        level=RiskLevel.MEDIUM,
    ),
    Deed(
        SMALL,
        "takes away something that the agent remembers",
        word_set("delete discard remove forget"),
        besides=word_set("memory memories mem"),
        without=word_set("all vm instance container function heap"),
        level=RiskLevel.MEDIUM,
    ),
    Deed(
        SMALL,
        "adds to notes of one's own",
        _WRITTEN,
        besides=word_set("notes obsidian logseq joplin evernote bear scratchpad notebook journal diary zettelkasten"),
        without=_UNDONE | word_set("release patient ticket crm run cell execute"),
    ),
    Deed(
        SMALL,
        "changes what is in a shopping cart",
        _WRITTEN | word_set("remove"),
        word_set("cart basket wishlist"),
        without=word_set("checkout pay order buy purchase delete"),
    ),
    Deed(
        SMALL,
        "changes light, sound, or what is played",
        _PLAYED,
        _PLAYERS,
        without=word_set(
            "garage door gate lock alarm traffic delete all email phone user format resize attach detach "
            "snapshot disk ebs"
        ),
    ),
    Deed(
        SMALL, "opens or closes a browser", word_set("launch open close start resize"), word_set("browser tab viewport")
    ),
    Deed(
        TESTS,
        "runs tests, or checks or formats code",
        _RUN,
        _TESTED,
        without=_NOT_ONLY_TESTS
        | word_set(
            "payment charge campaign email migration query command script sql transaction order connection server"
        ),
    ),
    Deed(TESTS, "checks types", word_set("check"), word_set("type")),
    Deed(
        TESTS,
        "formats code",
        word_set("format reformat prettify beautify"),
        word_set("code file document source json yaml text sql markdown xml html"),
        without=word_set("disk drive volume"),
    ),
    Deed(
        COMPUTES,
        "only makes a new text or picture",
        word_set("generate make create draw render synthesize write"),
        _MADE,
        without=_UNDONE
        | _CODE_OWNED
        | word_set(
            "file document host run deploy vm disk docker container machine ami ec packer terminal console editor"
        ),
    ),
    Deed(
        COMPUTES,
        "only computes something",
        objects=word_set(
            "hash checksum uuid guid whois embed embedding tokenizer slugify regex random dice roll "
            "calculator arithmetic"
            " calculate"
        ),
        without=names.ACTING - {"create"},
    ),
    Deed(
        COMPUTES,
        "only asks for a price",
        word_set("stock fx market share crypto ticker"),
        word_set("quote price"),
        without=names.ACTING - {"share"},
    ),
    Deed(
        COMPUTES,
        "only computes something",
        word_set("extract convert"),
        word_set("text metadata keyword entity caption frame audio pdf title link heading json markdown csv"),
    ),
    Deed(
        COMPUTES,
        "only makes speech or text",
        word_set("to"),
        word_set("speech text markdown html yaml json csv xml toml"),
        without=names.ACTING,
    ),
    Deed(COMPUTES, "looks at a page", word_set("snapshot"), besides=word_set("browser page playwright puppeteer dom")),
    Deed(
        CLEARS_CACHE,
        "empties a cache, which fills again",
        word_set("purge flush clear invalidate evict drop delete reset bust warm"),
        _CACHES,
        without=word_set("redis all"),
    ),
)
"""Deeds that are more harmless than their verbs alone."""


def is_trial(call: ToolCall) -> bool:
    """Return True if a call says that it acts on an environment for tests."""
    place = set(words_in(call.text(*_PLACES)[:60])) | set(words_in(call.text(*_CLUSTERS)[:60]))
    return bool(place & _TRIAL) and not place & names.PRODUCTION


def light_finding(call: ToolCall, said: Said) -> Finding | None:
    """Return what a call does if it is known to be more harmless than its verb alone says; None otherwise."""
    if call.plain in names.OWN:
        return None
    if call.texts and said.words & _CALCULATORS and all(is_arithmetic(argument) for argument in call.texts):
        return COMPUTES.finding("This computes with numbers.", None, RiskLevel.SAFE)
    if said.words & (names.BESIDES | MANY_WORDS) or any(at_home(call, said)):
        return None
    if call.plain in _OWN_NOTES:
        return SMALL.finding("This adds to notes of one's own.")
    if said.words & _GATED and said.words & _SWITCHES:
        place = set(words_in(call.text(*_PLACES)[:60]))
        if place & _TRIAL and not place & names.PRODUCTION:
            return SMALL.finding("This switches something in an environment for tests.")
    worse = said.words & names.DESTROYS
    for deed in _LIGHT:
        if deed.is_done(said) and worse <= deed.verbs | deed.objects:
            return deed.rule.finding(f"The tool's name says that it {deed.meaning}.", None, deed.level)
    return None
