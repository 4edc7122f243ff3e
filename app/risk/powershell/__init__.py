"""PowerShell: what a script would do. Windows PowerShell 5.1, PowerShell 7, and PSAppDeployToolkit 3 and 4."""
