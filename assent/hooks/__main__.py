"""`python -m assent.hooks` is `assent hook`."""

from assent.hooks.command import program

program()
