-- Where the writer's slot comes from and where it goes when it is full or the pack is done.
local ffi = require "ffi"
local C = require "channel"
local W = require "writer"
local message = require "message"
local usage = require "usage"

local M = { pack = 0, stream = 0ULL, position = 0LL, raw_bytes = 0, loop_depth = 0, flags = 0, first_record = 0, muted = false }

local offset, bytes, base = nil, nil, nil
local arena

-- called before a pack is sent: what the host must have first, since it takes all records before `first_record` for done
M.before_send = function() end

function M.use_arena(number)
  arena = number
end

function M.give_back(slot_offset, slot_bytes)
  C.give_back(slot_offset, slot_bytes, arena)
end

-- a fresh slot under the writer
function M.open()
  base, bytes, offset = C.slot()
  W.open(base, bytes)
end

-- sends what the writer holds, if anything, and puts the slot away; first_record: how many records of the pack that is
-- being worked on are wholly in what has been sent
function M.close(first_record)
  if not offset then return end
  if W.count > 0 then
    M.before_send()
    local used = W.finish(M.stream, M.position, M.raw_bytes, M.loop_depth, M.flags)
    local r = C.report(C.EMIT, M.pack)
    r.kind, r.offset, r.bytes, r.count, r.first_record = C.EMIT_PACK, offset, used, W.count, first_record
  else
    M.give_back(offset, bytes)
  end
  offset = nil
  W.close()
end

-- makes sure that `n` bytes fit; may send the slot away and open another
function M.reserve(n, first_record)
  if W.base == nil then
    M.open()
  elseif W.room() < n and W.count > 0 and W.base == base then -- not between two decoders of a chain
    local old = W.base
    M.close(first_record)
    M.open()
    message.restage(old)
  end
  if W.bytes_left() < n then error("a message of about " .. n .. " bytes is larger than a pack may be", 0) end
end

-- for what is being written over a record
function W.on_full(n)
  local staged = message.staged_bytes()
  if not staged then return false end
  usage.message(staged + n, 0)
  M.reserve(staged + n, M.first_record)
  return true
end

-- sends bytes that are no pack (dead letters) in a slot of their own, cut into as many as they need
function M.send_lines(kind, lines, pack)
  local i = 1
  while i <= #lines do
    local to, room, at = C.slot()
    local used, n = 0, 0
    while i <= #lines and used + #lines[i] <= room do
      ffi.copy(to + used, lines[i], #lines[i])
      used, n, i = used + #lines[i], n + 1, i + 1
    end
    if n == 0 then error("a dead letter is larger than a slot", 0) end
    local r = C.report(C.EMIT, pack)
    r.kind, r.offset, r.bytes, r.count = kind, at, used, n
  end
end

return M
