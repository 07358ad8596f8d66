"""`hekate repl`: Lua and grammars tried out line by line, in a jailed sandbox."""
