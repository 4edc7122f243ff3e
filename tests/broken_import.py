"""A module whose import ends the process that is not careful."""

import sys

sys.exit(4)
