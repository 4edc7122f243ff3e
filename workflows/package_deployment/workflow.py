"""The workflow `package_deployment`, as workers find it."""

from assent import Workflow
from workflows.package_deployment.example import examples
from workflows.package_deployment.graph import build
from workflows.package_deployment.inputs import DeploymentInput

WORKFLOW = Workflow(
    name="package_deployment",
    version="1",
    title="Package deployment",
    description="Analyzes a Windows installer in a sandbox, writes a deployment script for PSAppDeployToolkit, checks "
    "it against the toolkit and the package, and delivers the script that people approve.",
    input_model=DeploymentInput,
    build=build,
    examples=examples(),
)
