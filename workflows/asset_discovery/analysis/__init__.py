"""Analysis: what an inventory says about support, single points of failure, capacity, licenses, and migration."""
