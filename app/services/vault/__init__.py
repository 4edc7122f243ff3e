"""Encryption of what is stored: the keys, the contents of files, and short values."""
