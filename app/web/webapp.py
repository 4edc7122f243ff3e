"""What a browser needs to install the portal as an app, and to show notifications while no page is open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from flask import Response, current_app, json, url_for

from app.web.pages import web


@web.get("/manifest.webmanifest")
def manifest() -> Any:
    """The web app's name, icons, and first page."""
    asset = cast(Callable[[str], str], current_app.jinja_env.globals["asset"])
    document = {
        "id": "/", "name": "Assent", "short_name": "Assent", "description": "Approval desk for AI agents",
        "start_url": url_for("web.queue"), "scope": "/", "display": "standalone",
        "background_color": "#fbfbf9", "theme_color": "#fbfbf9",
        "icons": [
            {"src": asset("icon.svg"), "type": "image/svg+xml", "sizes": "any"},
            {"src": asset("icon-192.png"), "type": "image/png", "sizes": "192x192"},
            {"src": asset("icon-512.png"), "type": "image/png", "sizes": "512x512"},
            {"src": asset("icon-maskable-512.png"), "type": "image/png", "sizes": "512x512", "purpose": "maskable"},
        ],
        "shortcuts": [{"name": "Queue", "url": url_for("web.queue")}, {"name": "Runs", "url": url_for("web.runs")}],
    }  # fmt: skip
    return Response(json.dumps(document), mimetype="application/manifest+json")


@web.get("/service-worker.js")
def service_worker() -> Any:
    """The script that shows notifications. Its address says for which pages it is: all."""
    return current_app.view_functions["static"](filename="service-worker.js")
