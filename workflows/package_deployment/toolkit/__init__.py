"""PSAppDeployToolkit: what it has, and the check of scripts against it."""
