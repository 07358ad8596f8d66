-- Which line of a script runs, written into the heartbeat line by line: who ends a process for its CPU cannot ask it any more.
-- LuaJIT calls hooks only where it does not compile, so the compiler is off meanwhile, and only what has ended a process before is watched.
local ffi = require "ffi"
local jit = require "jit"

local M = {}

local PLACE = 64 -- in the heartbeat (docs/protocol.md): the bytes of the text; the text follows
local MAX_BYTES = 200
local MAX_LEVELS = 50

local beat
local own = {} -- [source] = true: the scripts themselves, not the modules that they require
local wanted = {} -- [pack] = ordinal of the record to watch
local watched -- of the pack that is being worked through
local on, always = false, false

-- heartbeat: uint64_t *; list: of scripts, {file}
function M.open(heartbeat, list)
  beat = heartbeat
  for _, script in ipairs(list) do
    own["=" .. script.file] = true
  end
end

local function write(text)
  text = text:sub(1, MAX_BYTES)
  ffi.copy(beat + PLACE + 1, text, #text)
  beat[PLACE] = #text
end

-- the line of the script from whose call the line of a module came
local function outer_line()
  for level = 6, MAX_LEVELS do
    local info = debug.getinfo(level, "Sl")
    if not info then return nil end
    if own[info.source] then return info.source:sub(2) .. ":" .. info.currentline end
  end
end

local function note(line)
  local source = debug.getinfo(4, "S").source -- of the function whose line it is, above the hook and pcall
  if source:find("^=kernel/") then return end -- the line that called it stays
  local text = source:sub(2) .. ":" .. line
  if not own[source] then
    local outer = outer_line()
    if outer then text = outer .. ", in " .. text end
  end
  write(text)
end

-- Where memory runs out, the hook has none either: the script finds that out itself, on this line or the next.
local function on_line(_, line)
  pcall(note, line)
end

local function start()
  on, beat[PLACE] = true, 0
  jit.off()
  jit.flush()
  debug.sethook(on_line, "l")
end

local function stop()
  if always then return end
  on = false
  debug.sethook()
  jit.on()
end

-- from now on, in a trial that looks for the line
function M.watch_all()
  always = true
  start()
end

-- the host wants to know of the record `ordinal` of a pack; of pack 0, of the next timer_event
function M.want(pack, ordinal)
  wanted[pack] = ordinal
end

-- before a pack
function M.begin(pack)
  watched, wanted[pack] = wanted[pack], nil
end

-- before each record of a pack that is worked through carefully
function M.at(ordinal)
  if on then stop() end
  if ordinal == watched then start() end
end

-- after a pack
function M.finish()
  if on then stop() end
  watched = nil
end

return M
