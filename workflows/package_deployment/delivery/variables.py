"""The operator's settings for packages."""

TOOLKIT_VARIABLE = "ASSENT_PACKAGE_TOOLKIT_DIR"
"""The folder of the toolkit, version 4."""
OUTPUT_VARIABLE = "ASSENT_PACKAGE_OUTPUT_DIR"
"""The folder into which packages are written as folders."""
