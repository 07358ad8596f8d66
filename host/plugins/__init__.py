"""Lua plugins as files: library, manifest, cases, syntax check, matcher check."""
