"""Readers of installers. Whatever is in here parses files that strangers made.

Import it only in the sandboxed child that `analyzer` starts, and in tests. Neither the web process nor the worker ever
loads it.
"""
