"""Cmdlets for archives, and for the parts of paths."""

from __future__ import annotations

from dataclasses import replace

from app.risk.effects import Act, act_on
from app.risk.places import Place, place_of
from app.risk.powershell.call import Call
from app.risk.powershell.drives import paths_of
from app.risk.powershell.evaluation import property_of
from app.risk.powershell.files import is_downloaded
from app.risk.powershell.table import cmdlet
from app.risk.powershell.values import NOTHING, Value, concatenated, plain_name, text_value


@cmdlet("compress-archive", "expand-archive")
def _archive(call: Call) -> Value:
    words = paths_of(call, "destinationpath")
    for word in words:
        act_on(call.reading, Act.READ, word)
    for word in call.words("path|literalpath", "destinationpath", place=1, piped=False):
        act = Act.WRITE
        if (
            call.name == "expand-archive"
            and call.flag("force")
            and place_of(word.text) in (Place.SYSTEM, Place.PROGRAMS)
        ):
            act = Act.EMPTY
        act_on(call.reading, act, word)
        if any(source.text.lower() in call.script.secrets or place_of(source.text) is Place.SECRET for source in words):
            call.script.secrets.add(word.text.lower())
        if any(is_downloaded(call, source.text) for source in words):
            call.script.downloaded.add(plain_name(word.text))
    if call.name == "expand-archive":
        if call.value("destinationpath") is None and len(call.positional) < 2:
            for word in words:
                if is_downloaded(call, word.text):
                    call.script.downloaded.add(plain_name(word.text).rpartition(".")[0] or ".")
        call.reading.doubt()
    return NOTHING


@cmdlet("join-path", "split-path")
def _parts(call: Call) -> Value:
    if call.name == "split-path":
        value = call.bound("path|literalpath")[0]
        base = value if value is not NOTHING else call.input or NOTHING
        leaf = call.flag("leaf", "leafbase", "extension", "qualifier")
        return property_of(replace(base, kind="file"), "name" if leaf else "directoryname")
    parts = call.bound("path", "childpath", "additionalchildpath")
    base, child, more = parts
    held = [base if base is not NOTHING else call.input or NOTHING, text_value("\\"), child]
    for item in more.each() if more is not NOTHING else ():
        held += [text_value("\\"), item]
    return concatenated([replace(part, items=None) if part.items is not None else part for part in held])
