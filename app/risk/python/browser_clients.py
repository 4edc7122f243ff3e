"""Clients that steer a browser: what is clicked says what is done."""

from __future__ import annotations

import re

from app.risk.effects import connect
from app.risk.python.clients import Use, library
from app.risk.python.method_names import CHANGES_OBJECT, DELETES_OBJECT
from app.risk.python.values import ANY, Value
from app.risk.rules import word_set
from assent.contracts import RiskLevel

_ENDS = re.compile(
    r"\b(?:delete|remove|destroy|terminate|deactivate|close-?account|cancel|purge|revoke|wipe|reset|drop|uninstall"
    r"|pay|buy|checkout|place-?order|transfer|withdraw|refund|confirm-?(?:delete|payment|order)|approve)",
    re.IGNORECASE,
)
"""What a button says that ends something, or pays."""
_ACTS = word_set(
    "click dblclick tap submit press check uncheck select_option set_input_files drag_to double_click context_click"
)
_FILLS = word_set("fill type send_keys press_sequentially set_value")
_OPENS = word_set("get goto navigate open launch_persistent_context connect_over_cdp")
_SHOWS_SECRETS = word_set("cookies storage_state get_cookies get_cookie")


@library(
    "selenium", "playwright", "pyppeteer", "splinter", "helium", "mechanize", "undetected_chromedriver", "nodriver",
)  # fmt: skip
def call_browser(use: Use) -> Value | None:
    """Judge a step in a browser."""
    made, method = use.made, use.method
    first = made.argument(0, "url")
    if method in _OPENS and first.text is not None:
        connect(made.reading, made.word(first))
        return use.result()
    if method in _SHOWS_SECRETS:
        return use.result("secret")
    if method in ("execute_script", "evaluate", "execute_async_script") and first.text and _ENDS.search(first.text):
        made.reading.add(DELETES_OBJECT, "This runs JavaScript in a page that deletes or ends something.", made.line)
    elif method in _ACTS:
        if _ENDS.search(made.shown) or _ENDS.search(use.path[-1]) or "ends" in made.base.marks:
            made.reading.add(DELETES_OBJECT, f"This clicks what deletes, ends, or pays: {use.shown}.", made.line)
        else:
            made.reading.add(CHANGES_OBJECT, f"This calls {method} in a page.", made.line)
    elif method in _FILLS:
        made.reading.add(CHANGES_OBJECT, "This fills in a form.", made.line, RiskLevel.LOW)
    value = use.result()
    if _ENDS.search(made.shown.rpartition("(")[2]) and first != ANY:
        value = value.marked("ends")
    return value
