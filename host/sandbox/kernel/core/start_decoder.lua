-- Starts a decoder, or a chain of them.
local api = require "api"
local decoder = require "decoder"
local scripts = require "scripts"
local stages = require "stages"

local function decoder_stage(spec, script)
  local declared = {}
  local env = scripts.run(script, api.decoder(script.config, declared, spec))
  local headers = { type = spec.message_type, logger = spec.logger, hostname = spec.hostname }
  if declared.grammar then
    local grammar = declared.grammar
    grammar.logger, grammar.hostname = grammar.logger or spec.logger, spec.hostname
    grammar.type = spec.message_type ~= "" and spec.message_type or grammar.type
    if script.config.payload_keep then grammar.payload_is_record = true end
    local otherwise = rawget(env, "process_message") and stages.script(script.name, scripts.need(env, "process_message", script), headers)
    return stages.declared(script.name, grammar, spec.delimiter, otherwise)
  elseif declared.json then
    headers.type = spec.message_type ~= "" and spec.message_type or declared.json.type or ""
    return stages.json(script.name, declared.json, headers, spec.delimiter)
  elseif declared.logfmt then
    headers.type = spec.message_type ~= "" and spec.message_type or declared.logfmt.type or ""
    local otherwise = stages.script(script.name, scripts.need(env, "process_message", script), headers)
    return stages.logfmt(declared.logfmt, headers, spec.delimiter, otherwise)
  elseif declared.payload then
    headers.type = spec.message_type ~= "" and spec.message_type or declared.payload.type or ""
    return stages.payload(script.name, headers)
  end
  return stages.script(script.name, scripts.need(env, "process_message", script), headers)
end

return function(spec, beat)
  stages.open(beat, decoder.text, decoder.reject)
  local list = {}
  for i, script in ipairs(spec.scripts) do
    list[i] = decoder_stage(spec, script)
  end
  decoder.open({
    stages = list, strategy = spec.strategy, delimiter = spec.delimiter, max_record_bytes = spec.max_record_bytes,
    oversize = spec.oversize,
  }, beat)
  return decoder
end
