"""Prompt and display of the REPL."""
