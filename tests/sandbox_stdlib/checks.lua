-- What files of cases call, put into the environment that they run in. Pure Lua that runs in the sandbox, too.
--   case(name, function)
--   same(actual, expected)   fails unless both are equal, deeply (nan is equal to nan)
--   close(actual, expected, within)
--   fails(pattern, f, ...)   fails unless f(...) raises an error that matches
--   matches(grammar, table [, alternatives])   a case for each pair {text, what the grammar captures from it}; with the alternatives
--                            of a declared grammar, both_forms for the texts, too
--   both_forms(alternatives, table_form, lines)   a case for each line: the declared form gives what the table form gives.
--                            alternatives: a list, or a function that answers it; table_form: a grammar, or a function of the
--                            line. test_both_forms.py does the same in the kernel
--   message(fields), config(options): what read_message and read_config answer from now on
--   sent: what was injected, as {type, name, text} or as a table; given back empty by clear_sent()

local function show(value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  for k, v in pairs(value) do parts[#parts + 1] = tostring(k) .. " = " .. show(v) end
  table.sort(parts)
  return "{" .. table.concat(parts, ", ") .. "}"
end

local function equal(a, b)
  if a == b or a ~= a and b ~= b then return true end
  if type(a) ~= "table" or type(b) ~= "table" then return false end
  for k, v in pairs(a) do
    if not equal(v, b[k]) then return false end
  end
  for k in pairs(b) do
    if a[k] == nil then return false end
  end
  return true
end

local check = {}

function check.same(actual, expected)
  if not equal(actual, expected) then error("got " .. show(actual) .. "\nnot " .. show(expected), 2) end
end

function check.close(actual, expected, within)
  if not (math.abs(actual - expected) <= within) then
    error(("got %.17g, not within %g of %.17g"):format(actual, within, expected), 2)
  end
end

function check.fails(pattern, f, ...)
  local ok, err = pcall(f, ...)
  if ok then error("no error, but one like " .. pattern .. " was expected", 2) end
  if not tostring(err):find(pattern) then error("error " .. tostring(err) .. ", not like " .. pattern, 2) end
end

local function new_api(env)
  local fields, options = {}, {}
  env.sent = {}
  function env.message(new) fields = new end
  function env.config(new) options = new end
  function env.clear_sent() env.sent = {} end
  function env.read_message(name) return fields[name] end
  function env.read_config(name) return options[name] end
  function env.inject_payload(kind, name, ...)
    env.sent[#env.sent + 1] = { kind, name, table.concat({ ... }) }
  end
  function env.inject_message(message) env.sent[#env.sent + 1] = message end
  function env.decode_message() return fields end
end

-- env: gets the functions. Answers a function that answers how many cases ran since it was called last, and what failed.
return function(env, traceback)
  local count, failures = 0, {}
  for name, f in pairs(check) do env[name] = f end
  new_api(env)
  function env.case(name, f)
    count = count + 1
    local ok, err = xpcall(f, traceback)
    if not ok then failures[#failures + 1] = name .. ": " .. tostring(err) end
  end
  function env.both_forms(alternatives, table_form, lines)
    if type(alternatives) == "function" then alternatives = alternatives() end
    local declared = env.require "positional".table_grammar(alternatives)
    for i, line in ipairs(lines) do
      env.case(("both forms, #%d %s"):format(i, line), function()
        local expected
        if type(table_form) == "function" then expected = table_form(line) else expected = table_form:match(line) end
        check.same(declared:match(line), expected)
      end)
    end
  end
  function env.matches(grammar, pairs_of, alternatives)
    local lines = {}
    for i, pair in ipairs(pairs_of) do
      lines[i] = pair[1]
      env.case(("#%d %s"):format(i, pair[1]), function() check.same(grammar:match(pair[1]), pair[2]) end)
    end
    if alternatives then env.both_forms(alternatives, grammar, lines) end
  end
  return function()
    local ran, failed = count, failures
    count, failures = 0, {}
    return ran, failed
  end
end
