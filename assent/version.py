"""The version of the SDK and of the portal, which are released together."""

VERSION = "0.1.0"
