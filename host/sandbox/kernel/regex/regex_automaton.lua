-- Runs a regular expression's program as an automaton that is made on demand.
--
-- Each state stands for the set of places in the pattern that may be reached
-- after the bytes read so far, so every byte is looked at once: no pattern and
-- no text makes it take more than linear time. States are made when first
-- needed and forgotten together when there are too many, so memory has a bound.
--
-- A state is known before the byte after it is, and an assertion such as \b
-- depends on that byte. So a set is kept as it was reached, and is followed
-- through splits and assertions only when the next byte (or the end) is there.

local sets = require "regex_sets"

local has_ffi, ffi = pcall(require, "ffi")
local byte_at = string.byte

local MAX_CELLS = 65536         -- of the transition table: 256 KiB
local UNKNOWN, MATCHED, DEAD = 0, -1, -2

-- What stood before a place: an assertion needs no more than this.
local AT_START, AFTER_WORD, AFTER_NEWLINE, AFTER_OTHER = 1, 2, 3, 4

local HOLDS = {
  text_start = function(before) return before == AT_START end,
  text_end = function(_, after) return after == nil end,
  line_start = function(before) return before == AT_START or before == AFTER_NEWLINE end,
  line_end = function(_, after) return after == nil or after == 10 end,
  word_boundary = function(before, after)
    return (before == AFTER_WORD) ~= (sets.word[after or -1] == true)
  end,
  not_word_boundary = function(before, after)
    return (before == AFTER_WORD) == (sets.word[after or -1] == true)
  end,
}

local function new_table(cells)
  if has_ffi then return ffi.new("int32_t[?]", cells) end
  local transitions = {}
  for i = 0, cells - 1 do transitions[i] = UNKNOWN end
  return transitions
end

-- ----------------------------------------------------------------- states --

local function forget_states(self)
  self.next = new_table(self.cells)
  self.rows = 0
  self.by_key = {}
  self.places, self.before = {}, {}
  self.start = nil
end

-- Doubles the table while that is allowed; otherwise starts over.
local function make_room(self)
  if self.cells >= MAX_CELLS then return forget_states(self) end
  local bigger = new_table(self.cells * 2)
  for i = 0, self.cells - 1 do bigger[i] = self.next[i] end
  self.next, self.cells = bigger, self.cells * 2
end

-- The row (an offset into the table, above 0) of a set of places.
local function state_row(self, places, before)
  if #places == 0 then return DEAD end
  table.sort(places)
  local key = before .. ":" .. table.concat(places, ",")
  local row = self.by_key[key]
  if row then return row end
  if (self.rows + 2) * self.width > self.cells then make_room(self) end
  self.rows = self.rows + 1
  row = self.rows * self.width
  self.by_key[key], self.places[row], self.before[row] = row, places, before
  return row
end

-- Follows splits and assertions from `places`; calls `visit` at each byte
-- instruction. True when the end of the pattern is reached.
local function follow(program, places, before, after, visit)
  local pending, seen = {}, {}
  for i = 1, #places do pending[i] = places[i] end
  while #pending > 0 do
    local pc = table.remove(pending)
    if not seen[pc] then
      seen[pc] = true
      local op = program.op[pc]
      if op == "match" then return true end
      if op == "byte" then
        visit(pc)
      elseif op == "split" then
        pending[#pending + 1] = program.other[pc]
        pending[#pending + 1] = program.to[pc]
      elseif HOLDS[program.what[pc]](before, after) then
        pending[#pending + 1] = program.to[pc]
      end
    end
  end
  return false
end

local function after_byte(self, byte)
  if not self.looks_back then return AFTER_OTHER end
  if sets.word[byte] then return AFTER_WORD end
  return byte == 10 and AFTER_NEWLINE or AFTER_OTHER
end

local function step(self, row, byte)
  local program, class = self.program, self.class[byte]
  local reached, seen = {}, {}
  local matched = follow(program, self.places[row], self.before[row], byte, function(pc)
    local to = program.to[pc]
    if program.set[pc][class] and not seen[to] then
      seen[to] = true
      reached[#reached + 1] = to
    end
  end)
  if matched then return MATCHED end
  return state_row(self, reached, after_byte(self, byte))
end

-- Works out one transition and writes it down, unless making its state
-- discarded the row it belongs to.
local function fill(self, row, byte)
  local places = self.places[row]
  local to = step(self, row, byte)
  if self.places[row] == places then self.next[row + self.class[byte]] = to end
  return to
end

local function fill_end(self, row)
  local matched = follow(self.program, self.places[row], self.before[row], nil, function() end)
  local answer = matched and MATCHED or DEAD
  self.next[row + self.width - 1] = answer
  return answer
end

-- ------------------------------------------------------------------- runs --

local function start_row(self)
  if not self.start then self.start = state_row(self, {self.program.first}, AT_START) end
  return self.start
end

local function finish(self, row)
  local answer = self.next[row + self.width - 1]
  if answer == UNKNOWN then answer = fill_end(self, row) end
  return answer == MATCHED
end

-- The loop has one load from each table per byte and one rare branch, which
-- is what the JIT compiler turns into a few instructions.
local function run_string(self, text)
  local row, class, transitions = start_row(self), self.class, self.next
  for i = 1, #text do
    local to = transitions[row + class[byte_at(text, i)]]
    if to <= 0 then
      if to == UNKNOWN then
        to = fill(self, row, byte_at(text, i))
        transitions = self.next
      end
      if to < 0 then return to == MATCHED end
    end
    row = to
  end
  return finish(self, row)
end

-- The same over bytes in memory: `from` included, `to` not.
local function run_bytes(self, bytes, from, to)
  local row, class, transitions = start_row(self), self.class, self.next
  for i = from, to - 1 do
    local after = transitions[row + class[bytes[i]]]
    if after <= 0 then
      if after == UNKNOWN then
        after = fill(self, row, bytes[i])
        transitions = self.next
      end
      if after < 0 then return after == MATCHED end
    end
    row = after
  end
  return finish(self, row)
end

local function class_table(class)
  if not has_ffi then return class end
  local table_of_bytes = ffi.new("int32_t[256]")
  for byte = 0, 255 do table_of_bytes[byte] = class[byte] end
  return table_of_bytes
end

local function looks_back(program)
  for _, what in pairs(program.what) do
    if what ~= "text_start" and what ~= "text_end" then return true end
  end
  return false
end

local function new(program)
  local width = program.classes + 1       -- the last column is the end of the text
  local self = {
    program = program,
    class = class_table(program.class),
    width = width,
    cells = width * 16,
    looks_back = looks_back(program),
  }
  forget_states(self)
  return self
end

return {new = new, run_string = run_string, run_bytes = run_bytes}
