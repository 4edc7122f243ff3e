"""Questions in LangGraph's own format: ``interrupt(value)``, with or without a JSON Schema for the answer."""

from __future__ import annotations

from typing import Any

from assent.conformance import MisfitError, check_schema
from assent.contracts import Outcome
from assent.dialects.base import EndRun, Pending, Seen, UnfitAnswerError, masked, one_line, refused


class SchemaDialect:
    """``interrupt(value, response_schema=…)``, answered with the values of the form that the schema describes."""

    name = "schema"
    # A step may validate more than its JSON Schema does. If it refused one of several answers, which one is unknown.
    alone = True
    may_be_passed_over = False
    acts = False

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        if response_schema is None:
            return None
        return Seen(_document(value), response_schema)

    def answer(self, outcome: Outcome, pending: Pending) -> Any:
        if end := refused(outcome):
            return end
        try:
            check_schema(outcome.answer, pending.response_schema, "answer")
        except MisfitError as error:
            raise UnfitAnswerError(str(error)) from error
        return outcome.answer


class ValueDialect:
    """Any other value, answered with JSON or text. Recognizes everything, so it comes last."""

    name = "value"
    alone = False
    may_be_passed_over = False
    acts = False

    def recognize(self, value: Any, response_schema: dict[str, Any] | None) -> Seen | None:
        return Seen(_document(value), None)

    def answer(self, outcome: Outcome, pending: Pending) -> Any | EndRun:
        return refused(outcome) or outcome.answer


def _document(value: Any) -> dict[str, Any]:
    shown = masked(value)
    return {"kind": "value", "title": one_line(shown, "The run asks for an answer"), "value": shown}
