"""Runs recorded logs through a configuration, with the time taken from the records."""
