-- Starts a process in which somebody tries out Lua and grammars, line by line.
local repl = require "repl"

return function(spec)
  repl.open(spec.scripts[1], spec.workspace_bytes)
  return repl
end
