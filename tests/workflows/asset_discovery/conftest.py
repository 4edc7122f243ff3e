"""One desk for each module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.runtime.rig import Rig
from tests.workflows.asset_discovery.discovery_desk import WORKFLOW, DiscoveryDesk


@pytest.fixture(scope="module")
def desk(module_database_url: str) -> Iterator[DiscoveryDesk]:
    """The module's desk."""
    with Rig(module_database_url, [WORKFLOW]) as rig:
        yield DiscoveryDesk(rig)
