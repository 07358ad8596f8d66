"""Proposes a grammar for unknown lines."""
