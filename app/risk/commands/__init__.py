"""What programs do, by their names and arguments, whatever starts them: a shell, PowerShell, Python, or a tool call."""
