"""Runs one configuration: signals, progress, summary."""
