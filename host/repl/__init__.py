"""`hekate repl`: runs Lua and grammars line by line in a jailed sandbox."""
