"""Cleansing: the cells of a table become typed values, and each change is traceable to its cell."""
