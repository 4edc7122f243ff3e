"""All settings. They are read from the environment once and checked; composition roots pass them on.

`docs/configuration.md` describes them for operators; a test compares the two.
"""

from app.settings.checks import PREFIX, Networks
from app.settings.loading import SettingsError, check_folders, doubts, load_settings, with_secret_key
from app.settings.model import Settings

__all__ = [
    "PREFIX", "Networks", "Settings", "SettingsError", "check_folders", "doubts", "load_settings", "with_secret_key",
]  # fmt: skip
