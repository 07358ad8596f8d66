-- Starts an encoder.
local C = require "channel"
local api = require "api"
local encoder = require "encoder"
local encodings = require "encodings"
local scripts = require "scripts"

local SCRATCH_BYTES = 1024 * 1024

return function(spec, beat)
  local script, declared = spec.scripts[1], {}
  local env = scripts.run(script, api.encoder(script.config, declared, spec))
  local encode
  if declared.encoder then
    encode = encodings.declared(declared.encoder)
  else
    encode = encodings.script(script.name, scripts.need(env, "process_message", script))
    api.open_scratch(C.memory(SCRATCH_BYTES), SCRATCH_BYTES)
  end
  encoder.open({ matcher = scripts.new_matcher(spec.message_matcher), encode = encode }, beat)
  return encoder
end
