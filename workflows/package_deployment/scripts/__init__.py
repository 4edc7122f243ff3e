"""From an analysis and a request to the deployment script."""
