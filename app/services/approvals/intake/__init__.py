"""How a request comes in: opened by a run or by an agent elsewhere, and answered at once where nobody is needed."""
