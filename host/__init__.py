"""Hekate: a log and event pipeline whose logic is Lua."""

__version__ = "0.1.0"
