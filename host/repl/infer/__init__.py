"""Proposes grammars for unknown lines."""
