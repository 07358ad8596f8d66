-- What the starts of decoders, filters and encoders have in common: their scripts and matchers.
local C = require "channel"
local calls = require "script_calls"
local cjson = require "cjson"
local environment = require "environment"
local matcher = require "matcher"
local state = require "state"

local M = {
  coverage = nil, -- the module, in a trial that wants to know which lines run
}

-- runs a script, which thereby defines its functions; answers its globals
function M.run(script, functions)
  local env = environment.new(script.name, functions)
  state.open(env, function(value) return environment.is_module(env, value) end,
    function(name) return environment.require_for(env, name) end)
  local chunk = environment.load(script.text, script.file, env)
  if M.coverage then
    environment.watch = M.coverage.watch
    M.coverage.watch(chunk, script.file)
  end
  chunk()
  return env
end

-- a function that a script must define
function M.need(env, name, script)
  local f = rawget(env, name)
  if type(f) ~= "function" then error(script.file .. ": the script must define the function " .. name, 0) end
  return f
end

local MAX_NEEDS_BYTES = 32 * 1024

local function end_for_matcher(problem)
  calls.terminate("error", problem, "matcher")
end

-- the matcher, whose needs the host is told
function M.new_matcher(expression)
  local match, needs = matcher.new(expression, end_for_matcher)
  local text = cjson.encode(needs)
  if #text <= MAX_NEEDS_BYTES then C.text(C.NEEDS, text) end
  return match
end

return M
