"""The inventory: records of one asset are found and merged, and doubtful pairs are left to people."""
