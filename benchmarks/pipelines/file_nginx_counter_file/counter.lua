--[[
---
name: counter
kind: filter
summary: Counts by status and minute, as a user would write it.
---
At the end each line is a minute since 1970, a status and a count.
--]]

local ROWS_AT_ONCE = 500

local counts = {}

function process_message()
  local minute = math.floor(read_message "Timestamp" / 6e10)
  local status = read_message "Fields[status]"
  local row = counts[minute]
  if not row then
    row = {}
    counts[minute] = row
  end
  row[status] = (row[status] or 0) + 1
  return 0
end

local function sorted_keys(t)
  local keys = {}
  for k in pairs(t) do
    keys[#keys + 1] = k
  end
  table.sort(keys)
  return keys
end

function timer_event(_, shutdown)
  if not shutdown then return end
  local rows = 0
  for _, minute in ipairs(sorted_keys(counts)) do
    for _, status in ipairs(sorted_keys(counts[minute])) do
      add_to_payload(minute, " ", status, " ", counts[minute][status], "\n")
      rows = rows + 1
      if rows % ROWS_AT_ONCE == 0 then inject_payload("txt", "counts") end
    end
  end
  if rows % ROWS_AT_ONCE > 0 then inject_payload("txt", "counts") end
end
