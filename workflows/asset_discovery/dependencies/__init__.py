"""Dependencies: which asset needs which other, how that is known, and what follows from it."""
