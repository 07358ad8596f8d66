-- What a file of cases says about grammars in both forms (see checks.lua), and nothing else of it. It runs in a decoder, to declare
-- a grammar, and in the test, to know what is expected.

local M = {}

-- load_cases loads a file of cases, whose globals are in env. Answers a list of {alternatives, table_form, lines}.
function M.collect(env, load_cases)
  local found = {}
  for _, name in ipairs { "case", "message", "config" } do
    env[name] = function() end
  end
  function env.both_forms(alternatives, table_form, lines)
    found[#found + 1] = { alternatives = alternatives, table_form = table_form, lines = lines }
  end
  function env.matches(grammar, pairs_of, alternatives)
    local lines = {}
    for i, pair in ipairs(pairs_of) do
      lines[i] = pair[1]
    end
    if alternatives then env.both_forms(alternatives, grammar, lines) end
  end
  load_cases()
  return found
end

-- for each form a list of {line, the fields or nil}
function M.expected(env, load_cases)
  local all = {}
  for i, form in ipairs(M.collect(env, load_cases)) do
    all[i] = {}
    for n, line in ipairs(form.lines) do
      local fields
      if type(form.table_form) == "function" then fields = form.table_form(line) else fields = form.table_form:match(line) end
      all[i][n] = { line, fields }
    end
  end
  return all
end

return M
