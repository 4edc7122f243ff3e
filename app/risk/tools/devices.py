"""Lines for routers, switches, and firewalls among the arguments of a call."""

from __future__ import annotations

from app.risk.commands.routers import is_device_line, read_device_lines
from app.risk.reading import Reading
from app.risk.rules import declare, word_set
from app.risk.tools.call import ToolCall
from assent.contracts import RiskLevel

LINES = declare(
    "tool.args.device_lines",
    RiskLevel.SAFE,
    "An argument contains lines for a network device, which have been read.",
    '{"tool": "run_cli", "args": {"device": "sw1", "command": "show version"}}',
    '{"tool": "run_cli", "args": {"device": "sw1", "comment": "show version"}}',
    language="tool_call",
)
_DEVICES = word_set(
    "network device switch router cisco junos juniper arista eos ios nxos fortigate panos netmiko napalm vyos"
)
_TYPED = word_set("command commands config configuration lines line cli input set statements")


def read_device(call: ToolCall, reading: Reading) -> bool:
    """Read lines for a network device. Returns False if there are none."""
    typed = [argument for argument in call.plain_texts if argument.words & _TYPED]
    known = any(is_device_line(argument.text) for argument in typed)
    if not typed or not (known or set(call.all_words) & _DEVICES) or set(call.words) & {"get", "list", "show"}:
        return False
    with reading.at_item(typed[0].path):
        reading.add(LINES, f"The argument {typed[0].path} contains lines for a network device.")
        read_device_lines([argument.text for argument in typed], reading, 1)
    if not known:
        reading.doubt()
    call.judged = "code"
    return True
