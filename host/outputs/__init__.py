"""Outputs: where encoded records go. One file per type."""
