"""Splitters: how a stream of bytes becomes records. One file per type."""
