-- Functions that scripts for Heka or Hindsight may call and that do not exist in their kind of sandbox here. Calling one says what
-- takes its place.
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
    declare_encoder = "is for encoders; a decoder declares with declare_grammar, declare_json or declare_payload",
  },
  filter = {
    write_message = "is for decoders and encoders; a filter sends a message of its own with inject_message",
    declare_grammar = "is for decoders",
    declare_json = "is for decoders",
    declare_payload = "is for decoders",
    declare_encoder = "is for encoders",
  },
  encoder = {
    declare_grammar = "is for decoders; an encoder declares with declare_encoder",
    declare_json = "is for decoders; an encoder declares with declare_encoder { format = 'json' }",
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

return M
