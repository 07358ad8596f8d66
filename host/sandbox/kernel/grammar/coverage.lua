-- Which lines of the scripts run. For trials only: LuaJIT calls hooks only where it does not compile, so the compiler is off.
local jit = require "jit"
local util = require "jit.util"
local C = require "channel"

local M = {}

local ran, fresh = {}, {} -- [source] = {[line] = true}; what the host does not know yet, by source

local function note(source, line)
  local lines = ran[source]
  if lines and not lines[line] then
    lines[line] = true
    fresh[source] = fresh[source] or {}
    table.insert(fresh[source], line)
  end
end

function M.open()
  jit.off()
  jit.flush()
  debug.sethook(function(_, line) note(debug.getinfo(2, "S").source, line) end, "l")
end

-- the lines on which a function, or one within it, has code
local function add_lines(prototype, lines)
  local info = util.funcinfo(prototype)
  for pc = 1, info.bytecodes - 1 do
    lines[util.funcinfo(prototype, pc).currentline] = true
  end
  for n = -1, -info.gcconsts, -1 do
    local constant = util.funck(prototype, n)
    if type(constant) == "proto" then add_lines(constant, lines) end
  end
end

local function send(what, file, lines)
  table.sort(lines)
  C.text(C.COVERED, what .. " " .. file .. " " .. table.concat(lines, " "))
end

-- chunk: of a script that is about to run; file: its name
function M.watch(chunk, file)
  local lines, list = {}, {}
  add_lines(chunk, lines)
  for line in pairs(lines) do
    list[#list + 1] = line
  end
  ran["=" .. file] = {}
  send("can", file, list)
end

-- tells the host what has run since the last time
function M.flush()
  for source, lines in pairs(fresh) do
    send("ran", source:sub(2), lines)
  end
  fresh = {}
end

return M
