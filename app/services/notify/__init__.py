"""Who is told what, and what became of it: planning, composing, keeping account, the links to decide with."""
