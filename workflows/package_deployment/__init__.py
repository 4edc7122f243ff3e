"""Windows packages: from an installer to an approved deployment script."""
