"""Lua plugins as files: library, manifest, cases, compiling, matcher check."""
