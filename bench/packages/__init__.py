"""Packages: how often the analysis of installers is right, whether their scripts are valid, and what it takes."""
