"""Lua plugins and the processes that they run in."""
