"""Metrics and logs of the host and its components."""
