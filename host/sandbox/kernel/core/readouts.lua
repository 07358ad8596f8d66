-- Calls of functions that a script offers to the outside (`readouts` in its front matter), and their answers as JSON.
local C = require "channel"
local calls = require "script_calls"
local cjson = require "cjson"
local json_size = require "json_size"

local M = {}

local MAX_ANSWER_BYTES = 59000 -- what fits into a report

local globals

-- env: the script's globals; names: of the functions that may be called
function M.open(env, names)
  globals = env
  for _, name in ipairs(names) do
    if type(rawget(env, name)) ~= "function" then error("readouts: the script must define the function " .. name, 0) end
  end
end

local function called(request)
  local name = request["function"]
  local f = rawget(globals, name)
  if type(f) ~= "function" then return { error = name .. " is no function any more" } end
  local ok, value, why = pcall(f, request.arguments)
  if not ok then
    if value == calls.OUT_OF_MEMORY then calls.terminate("memory_limit", value) end
    return { error = calls.error_text(value) }
  end
  if value == nil and why ~= nil then return { error = calls.text_of(why) } end
  return { value = value }
end

-- command CALL, followed by {"function": name, "arguments": {...}}: answers {"value": ...} or {"error": text}
function M.call(command)
  local answer = called(cjson.decode(command.text))
  local ok, text = pcall(json_size.encode, cjson, answer)
  if not ok then text = cjson.encode { error = "the answer cannot be told as JSON: " .. calls.text_of(text) } end
  if #text > MAX_ANSWER_BYTES then
    text = cjson.encode { error = "the answer has " .. #text .. " bytes, and may have " .. MAX_ANSWER_BYTES }
  end
  C.text(C.ANSWERED, text)
end

return M
