"""The commands of the REPL."""
