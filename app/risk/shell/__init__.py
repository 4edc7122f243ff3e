"""The reader of shell code: bash, sh, and zsh."""
