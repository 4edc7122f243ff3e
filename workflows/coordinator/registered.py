"""What is registered in the running worker, and whether it is still what a plan was made with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assent.contracts import RiskLevel
from assent.digests import digest_of
from assent.installed_workflows import installed_workflows
from assent.plans import PlanStep
from assent.toolbox.discovery import process_registry
from assent.toolbox.errors import ToolChangedError, UnknownToolError
from assent.toolbox.model import Effect, Tool
from assent.toolbox.registry import Registry
from assent.toolbox.shapes import SchemaShape
from assent.workflow import Workflow

NAME = "coordinator"
"""The name of this workflow, which is never a step of its own plans."""
Facts = dict[str, Any]
_TOOL_FACTS = ("effect", "may_repeat", "risk", "timeout", "pin", "sends_to", "input_schema", "output_schema")


@dataclass(frozen=True)
class Registered:
    """The tools and workflows that a plan can be composed of.

    Attributes:
        tools: the registry of the process.
        workflows: by name.
    """

    tools: Registry
    workflows: Mapping[str, Workflow]

    def facts(self, tool: str, workflow: str) -> Facts:
        """Return what the plan of a step relies on: of its tool, or of its workflow, the other name being empty.

        Raises:
            UnknownToolError: there is no such tool.
            KeyError: there is no such workflow.
        """
        return tool_facts(self.tools.get(tool)) if tool else workflow_facts(self.workflows[workflow])

    def difference(self, facts: Facts) -> str:
        """Return what is no longer as it was, in a sentence; empty: nothing."""
        name, version = facts["name"], facts["version"]
        if facts["kind"] == "workflow":
            workflow = self.workflows.get(name)
            if workflow is None:
                return f"The workflow {name} is no longer installed."
            if workflow.version != version:
                return f"The workflow {name} is now version {workflow.version}; the plan is for version {version}."
            same = workflow_facts(workflow) == facts
            return "" if same else f"The workflow {name} takes or gives something else than when the plan was made."
        try:
            tool = self.tools.get(f"{name}@{version}")
        except UnknownToolError:
            there = [tool.version for tool in self.tools.versions(name)] if name in self.tools else []
            if there:
                return f"The tool {name}@{version} is no longer installed; there is version {', '.join(there)}."
            return f"The tool {name}@{version} is no longer installed."
        now = tool_facts(tool)
        changed = [_WORDS[fact] for fact in _TOOL_FACTS if now[fact] != facts[fact]]
        return f"The tool {name}@{version} has changed: {', '.join(changed)}." if changed else ""


_WORDS = {
    "effect": "what it changes", "may_repeat": "whether it may be repeated", "risk": "its risk",
    "timeout": "how long it may take", "pin": "what its MCP server says about it", "sends_to": "where it sends data",
    "input_schema": "its inputs", "output_schema": "what it returns",
}  # fmt: skip


def registered() -> Registered:
    """Return what is registered in this process now."""
    workflows = {name: workflow for name, workflow in installed_workflows().items() if name != NAME}
    return Registered(process_registry(), workflows)


def tool_facts(tool: Tool) -> Facts:
    """Return what a plan relies on of a tool. A stand-in with these facts has the same steps and gates."""
    return {
        "kind": "tool", "name": tool.name, "version": tool.version, "description": tool.description,
        "title": tool.title, "effect": tool.effect.value, "may_repeat": tool.may_repeat, "risk": tool.least_risk.value,
        "timeout": tool.timeout, "pin": tool.pin, "sends_to": list(tool.sends_to),
        "input_schema": tool.takes.schema, "output_schema": tool.returns.schema,
    }  # fmt: skip


def workflow_facts(workflow: Workflow) -> Facts:
    """Return what a plan relies on of a workflow."""
    schemas = [workflow.input_model.model_json_schema(), workflow.output_schema]
    return {
        "kind": "workflow", "name": workflow.name, "version": workflow.version, "title": workflow.title,
        "schemas": digest_of(schemas),
    }  # fmt: skip


def step_of(target: Tool | Workflow, **own: Any) -> PlanStep:
    """Return a step that calls a tool or runs a workflow; what it does comes from the registry.

    Args:
        own: its id, inputs, needs, and reason.
    """
    if isinstance(target, Tool):
        return PlanStep(
            **own, title=target.label[:200], tool=target.full_name, inputs_schema=target.takes.schema,
            effect=target.effect, gated=not target.reads_only,
        )  # fmt: skip
    return PlanStep(
        **own, title=target.title[:200], workflow=target.name, effect=Effect.WRITE, gated=True,
        inputs_schema=target.input_model.model_json_schema(),
    )  # fmt: skip


def full_name(target: Tool | Workflow) -> str:
    """Return the name of a tool or workflow with its version."""
    return target.full_name if isinstance(target, Tool) else f"{target.name}@{target.version}"


def name_of(step: PlanStep) -> str:
    """Return the name of a step's tool, without its version, or of its workflow."""
    return step.tool.partition("@")[0] or step.workflow


def tool_of(facts: Facts, found: Registered) -> Tool:
    """Return the tool of a step: the registered one, or, if that has changed, one whose calls all fail.

    So the steps of a plan are the same after a restart, whatever has become of its tools.
    """
    difference = found.difference(facts)
    if not difference:
        return found.tools.get(f"{facts['name']}@{facts['version']}")

    def gone(inputs: Any) -> Any:
        raise ToolChangedError(f"{difference} It was not called.")

    return Tool(
        name=facts["name"], version=facts["version"], description=facts["description"], function=gone,
        takes=SchemaShape(facts["input_schema"]), returns=SchemaShape(facts["output_schema"]),
        effect=Effect(facts["effect"]), idempotent=facts["may_repeat"], risk=RiskLevel(facts["risk"]),
        timeout=facts["timeout"], title=facts["title"], pin=facts["pin"],
    )  # fmt: skip
