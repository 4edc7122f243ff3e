"""Personal data in inventories: which columns hold it, how it is classified, and how samples are masked."""
