-- Replaces the kernel's socket: commands come from a list, slots are parts of one memory block, and reports are collected.
-- Returns a function: base address, offset of the slots, slot bytes, slots -> the functions that Python calls.
local ffi = require "ffi"
local C = require "channel"

return function(base_address, first_slot, slot_bytes, slots)
  local base = ffi.cast("uint8_t *", base_address)
  local commands, at, spec, clocks_s = {}, 1, nil, {}
  local emitted = {}
  local next_slot = 0

  C.open = function() end
  C.flush_reports = function() end
  C.give_back = function() end
  C.address = function(_, offset) return base + offset end

  C.slot = function()
    local offset = first_slot + next_slot % slots * slot_bytes
    next_slot = next_slot + 1
    return base + offset, slot_bytes, offset
  end

  C.report = function(op, pack)
    local report = { op = op, pack = pack }
    if op == C.EMIT and #emitted < slots then emitted[#emitted + 1] = report end
    return report
  end

  C.text = function(op, text)
    if op == C.NEED_MODULE then
      C.wanted = text
    elseif op ~= C.PRINT then
      error(text, 0)
    end
  end

  C.wait_for = function(op)
    if op == C.INIT then return { flags = 0, text = spec } end
    local source = C.read_module(C.wanted)
    return { flags = source and 1 or 0, text = source or "there is none" }
  end

  -- Gives one command after the other, and notes when.
  C.next = function()
    clocks_s[at] = os.clock()
    at = at + 1
    return commands[at - 1]
  end

  local M = {}

  function M.prepare(spec_, read_module)
    spec, C.read_module = spec_, read_module
  end

  function M.add(raw_offset, raw_bytes, table_offset, table_bytes)
    local command = ffi.new "hk_command"
    command.op, command.pack, command.flags = C.PACK, #commands + 1, C.DELIMITED
    command.raw_offset, command.raw_bytes, command.table_offset, command.table_bytes =
      raw_offset, raw_bytes, table_offset, table_bytes
    command.now_ns = 1714521600000000000LL
    commands[#commands + 1] = command
  end

  -- CPU seconds of the commands from one to before another, counted from 1
  function M.seconds(from, to)
    return clocks_s[to] - clocks_s[from]
  end

  function M.emitted()
    local list = {}
    for i, report in ipairs(emitted) do
      list[i] = string.format("%d %d %d", report.kind, report.pack, report.offset)
    end
    return table.concat(list, "\n")
  end

  return M
end
