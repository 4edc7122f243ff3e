"""The workflow `asset_discovery`, as workers find it."""

from assent import Workflow
from workflows.asset_discovery.example import examples
from workflows.asset_discovery.graph import build
from workflows.asset_discovery.inputs import DiscoveryInput

WORKFLOW = Workflow(
    name="asset_discovery",
    version="1",
    title="Asset discovery",
    description="Makes one inventory of CSV, XLSX, and JSON files in whatever form people have them: maps and cleanses "
    "their columns, merges duplicates, and analyzes dependencies, support, and capacity. People decide what is "
    "doubtful, and their corrections are remembered.",
    input_model=DiscoveryInput,
    build=build,
    examples=examples(),
)
