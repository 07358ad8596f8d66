-- Functions that scripts for Heka or Hindsight may call and that do not exist in their kind of sandbox here. Calling one says what
-- takes its place; so does the error of a script that calls or indexes what no sandbox has.
local M = {}

local INPUTS_ARE_PYTHON = "inputs are no scripts here: use an input of the host with a decoder"
local OUTPUTS_ARE_PYTHON = "outputs are no scripts here: what is to be sent is made by an encoder, and an output of the host sends it"

local NOWHERE = {
  is_running = INPUTS_ARE_PYTHON .. ", which the host calls once per record",
  create_stream_reader = INPUTS_ARE_PYTHON .. "; the splitter heka finds framed messages in a stream, decode_message decodes one",
  update_checkpoint = OUTPUTS_ARE_PYTHON .. "; checkpoints move by themselves once all outputs have delivered",
  batch_checkpoint_update = OUTPUTS_ARE_PYTHON .. "; checkpoints move by themselves once all outputs have delivered",
  read_file = "scripts have no files; put what the script needs into its config, or into a module for require",
}

local OF_KIND = {
  decoder = {
    declare_encoder = "is for encoders; a decoder declares with declare_grammar, declare_json, declare_logfmt or declare_payload",
  },
  filter = {
    write_message = "is for decoders and encoders; a filter sends a message of its own with inject_message",
    declare_grammar = "is for decoders",
    declare_json = "is for decoders",
    declare_logfmt = "is for decoders",
    declare_payload = "is for decoders",
    declare_encoder = "is for encoders",
  },
  encoder = {
    declare_grammar = "is for decoders; an encoder declares with declare_encoder",
    declare_json = "is for decoders; an encoder declares with declare_encoder { format = 'json' }",
    declare_logfmt = "is for decoders; an encoder declares with declare_encoder",
    declare_payload = "is for decoders; an encoder declares with declare_encoder { format = 'payload' }",
  },
}

-- api: the functions of a kind; those that it lacks are added, and raise an error that says more than that they are nil
function M.add(api, kind)
  for _, list in ipairs { NOWHERE, OF_KIND[kind] } do
    for name, why in pairs(list) do
      api[name] = function() error(name .. ": " .. why, 2) end
    end
  end
  return api
end

local NO_FILES = "scripts have no files; put what the script needs into its config, or into a module for require"
local NO_SYSTEM = "scripts reach nothing of the system; what they need to know is in read_config"
local NO_CODE = "code is loaded by require only, from a module in sandbox_dir/modules"

-- what no sandbox has: global or field -> what takes its place
local NEVER = {
  io = NO_FILES, read = NO_FILES, lines = NO_FILES, open = NO_FILES, popen = NO_SYSTEM,
  getenv = NO_SYSTEM, execute = NO_SYSTEM, exit = "return a status above 0 to end the sandbox", remove = NO_FILES, rename = NO_FILES,
  tmpname = NO_FILES, setlocale = "the locale is C, the time zone UTC",
  load = NO_CODE, loadstring = NO_CODE, loadfile = NO_CODE, dofile = NO_CODE, dump = NO_CODE,
  module = "a module makes a table and returns it: local M = {} ... return M",
  package = "require finds modules in sandbox_dir/modules and in the standard library; there is nothing to set",
  getfenv = "globals are in _G; setfenv(1, table) is there for modules",
  collectgarbage = "the host collects between packs", newproxy = "a table with a metatable does the same",
  output = "add_to_payload(...), and inject_payload(type, name) to send it", write_output = "add_to_payload(...)",
  coroutine = "keep what has to go on in a table, and go on with it in the next call", debug = NO_SYSTEM, ffi = NO_SYSTEM, jit = NO_SYSTEM,
}

-- The text of an error; if it is about something that no sandbox has, with what takes its place.
function M.explain(text)
  local name = text:match "attempt to call %l+ '([%w_]+)' %(a nil value%)" or text:match "attempt to index %l+ '([%w_]+)' %(a nil value%)"
  local why = name and NEVER[name]
  return why and text .. "; " .. name .. ": " .. why or text
end

local NO_C = "modules in C are not loaded; what needs the system is an input or an output of the host"
local DECODERS = "a decoder is a plugin here: name it under `decoder` of the input, several as a list"

-- modules of Hindsight that there are not: name, or its first part -> what takes its place
local MODULES = {
  ["lpeg.sub_decoder_util"] = DECODERS, decoders = DECODERS,
  encoders = "an encoder is a plugin here: name it under `encoder` of the output",
  ["heka.derived_stream"] = "write an encoder, or name one under `encoder` of an output",
  rjson = "use cjson", socket = NO_C, ssl = NO_C, lfs = NO_C, kafka = NO_C, luasql = NO_C, zlib = NO_C, gzfile = NO_C, snappy = NO_C,
  openssl = NO_C, jose = NO_C, aws = NO_C, gcp = NO_C, amqp = NO_C, maxminddb = NO_C, geoip = NO_C, libinjection = NO_C, lyaml = NO_C,
  parquet = NO_C, systemd = NO_C, io = NO_FILES,
}

-- What takes the place of a module that was not found, to stand behind the error; "" if nothing is known of it.
function M.module(name)
  local why = MODULES[name] or MODULES[name:match "^[^.]*"]
  return why and "; " .. why or ""
end

return M
