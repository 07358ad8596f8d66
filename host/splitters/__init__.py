"""Splitters cut a stream of bytes into records. One file per type."""
