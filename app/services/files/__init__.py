"""Use cases about files: uploads, their content, and the folders that inputs may name."""
