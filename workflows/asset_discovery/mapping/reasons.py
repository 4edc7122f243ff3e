"""Why a column is mapped as it is, in words for people."""

from __future__ import annotations

from workflows.asset_discovery.fields import FACTS, Field
from workflows.asset_discovery.mapped import THRESHOLD
from workflows.asset_discovery.mapping.meanings import Said
from workflows.asset_discovery.mapping.profiles import Profile

_CLEAR, _POSSIBLE, _DOUBT = 3.0, 0.8, 0.1
_LONGEST = 80
_FORMS = {
    "ip": "IP addresses", "mac": "MAC addresses", "uuid": "UUIDs", "hex": "identifiers of a system",
    "email": "email addresses", "url": "links",
    "duration": "durations", "path": "paths", "date": "dates", "int": "whole numbers",
    "decimal": "decimal numbers", "size": "amounts with a unit", "money": "amounts of money",
    "percent": "percentages", "version": "versions", "phone": "telephone numbers", "fqdn": "domain names",
    "login": "accounts", "bool": "yes or no", "long": "long texts", "code": "codes", "word": "single words",
    "text": "texts of several words",
}  # fmt: skip
_WORDS = {
    Field.MANUFACTURER: ("vendor", "names of manufacturers"),
    Field.MODEL: ("model", "names of models"),
    Field.OS: ("os", "names of operating systems"),
    Field.ASSET_TYPE: ("type", "types of assets"),
    Field.ENVIRONMENT: ("env", "names of environments"),
    Field.STATUS: ("status", "states"),
    Field.CRITICALITY: ("crit", "levels of importance"),
    Field.LOCATION: ("place", "places"),
    Field.OWNER: ("person", "names of persons"),
}


def reason_of(profile: Profile, said: Said, heading: str, found: dict[Field, float], confidence: float) -> str:
    """One or two sentences: what the heading says, what the values are, and what else the column could be."""
    ranked = sorted(found.items(), key=lambda pair: -pair[1])
    chosen = ranked[0][0]
    parts = [_heading(said, heading, chosen), _values(profile, chosen)]
    text = "; ".join(part for part in parts if part) + "."
    other, share = ranked[1]
    if confidence < THRESHOLD and share > _DOUBT:
        text += (
            f" It could also be: {FACTS[other].title}."
            if other is not Field.IGNORE
            else " Perhaps it is no field at all."
        )
    return text[0].upper() + text[1:]


def _heading(said: Said, heading: str, chosen: Field) -> str:
    if not heading:
        return "There is no heading"
    shown = " ".join(heading.split())
    shown = shown if len(shown) < _LONGEST else shown[: _LONGEST - 1] + "…"
    strength = said.fields.get(chosen, 0.0)
    most, least = max(said.fields.items(), key=lambda pair: pair[1], default=(Field.IGNORE, 0.0))
    if strength >= _CLEAR and strength >= least - 1:
        what = said.ignored if chosen is Field.IGNORE else FACTS[chosen].title
        return f"The heading “{shown}” means: {what}"
    if strength >= _POSSIBLE:
        return f"The heading “{shown}” can mean: {said.ignored if chosen is Field.IGNORE else FACTS[chosen].title}"
    if least >= _CLEAR and most is not chosen:
        return f"The heading “{shown}” rather means: {said.ignored if most is Field.IGNORE else FACTS[most].title}"
    return f"The heading “{shown}” is not known" if said.known < 1 else f"The heading “{shown}” does not decide it"


def _values(profile: Profile, chosen: Field) -> str:
    if not profile.total:
        return "there are no values"
    kind, words = _WORDS.get(chosen, ("", ""))
    if kind and profile.word(kind) > 0.3:
        return f"{_percent(profile.word(kind))} of the values are {words}"
    if chosen in (Field.DEPENDS_ON, Field.VIRTUAL_HOST) and profile.targets > 0.3:
        return f"{_percent(profile.targets)} of the values are names of other rows"
    form, share = max(profile.kinds.items(), key=lambda pair: pair[1])
    text = f"{_percent(share)} of the values are {_FORMS.get(form, 'texts')}"
    if form == "date" and profile.future > 0.02:
        text += f", {_percent(profile.future)} of them in the future"
    elif profile.counter:
        text += " that count the rows"
    elif profile.distinct == 1:
        text += ", all of them equal"
    elif profile.unique > 0.95 and profile.total > 5:
        text += ", nearly all of them different"
    elif profile.distinct < 10:
        text += f", {profile.distinct} different ones"
    return text


def _percent(share: float) -> str:
    return f"{min(1.0, share):.0%}".replace("%", " %")
