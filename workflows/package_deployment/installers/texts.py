"""Texts from installers, made fit to show, as in all of the package deployment."""

from __future__ import annotations

from workflows.package_deployment.texts import LONGEST_NAME as LONGEST_NAME
from workflows.package_deployment.texts import clean as clean
