"""From an approved script to a package: a folder or a ZIP, with what management systems need to know."""
