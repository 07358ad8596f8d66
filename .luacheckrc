-- luacheck settings. Two kinds of files: the trusted kernel, which has the FFI, and plugins, which have the sandbox API only.

cache = false
codes = true
max_line_length = 140
exclude_files = { ".venv", "var", "out" }

-- What a plugin may call. It defines some of these names itself (the entry points), hence `globals` for them.
stds.sandbox = {
  globals = { "process_message", "timer_event", "_PRESERVATION_VERSION" },
  read_globals = {
    "read_message", "write_message", "read_next_field", "read_config",
    "inject_message", "inject_payload", "add_to_payload",
    "decode_message", "encode_message", "create_message_matcher",
    "declare_grammar", "declare_json", "declare_logfmt", "declare_payload", "declare_encoder",
    "assert", "error", "ipairs", "next", "pairs", "pcall", "print", "select", "setmetatable", "getmetatable",
    "rawequal", "rawget", "rawset", "require", "tonumber", "tostring", "type", "unpack", "xpcall", "_VERSION",
    math = { other_fields = true },
    os = { fields = { "clock", "date", "difftime", "time" } },
    string = { other_fields = true },
    table = { other_fields = true },
    coroutine = { other_fields = true },
    bit = { other_fields = true },
    lpeg = { other_fields = true },
    cjson = { other_fields = true },
  },
}

std = "luajit"

files["sandboxes/lua"] = { std = "sandbox" }
files["sandbox_stdlib"] = { std = "sandbox" }
-- Plugins' preserved state lives in globals, as in Heka: a plugin may set the ones it declares at its top level,
-- and nothing in the file need read them (131).
files["sandboxes/lua/filters"] = { std = "sandbox", allow_defined_top = true, ignore = { "131" } }
files["host/sandbox/kernel"] = { std = "luajit" }
files["benchmarks/pipelines"] = { std = "sandbox" }
