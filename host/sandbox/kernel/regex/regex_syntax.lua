-- Regular expressions: text to syntax tree (Perl and RE2's syntax, bytes).
--
--   parse(pattern) -> node | nil, {message=, offset=}
--
-- Nodes:
--   {kind="set", set={[byte]=true}, byte=b}   one byte; byte= when it is a single one
--   {kind="cat", ...}   {kind="alt", ...}     children in the array part
--   {kind="repeat", item=, min=, max=}        max nil: without bound
--   {kind="assert", what="text_start"|"text_end"|"line_start"|"line_end"|
--                        "word_boundary"|"not_word_boundary"}
-- Only whether a pattern matches is ever asked, so groups leave no trace and
-- lazy repetition is the same as greedy.

local sets = require "regex_sets"

local MAX_REPEAT = 1000         -- as in RE2
local MAX_NESTING = 200

local Failure = {}

local function fail(offset, message)
  error(setmetatable({message = message, offset = offset}, Failure), 0)
end

local function single(byte) return {kind = "set", set = {[byte] = true}, byte = byte} end

local function set_node(set) return {kind = "set", set = set} end

local function literal(self, byte)
  if not self.flags.i then return single(byte) end
  local folded = sets.fold({[byte] = true})
  if sets.size(folded) == 1 then return single(byte) end
  return set_node(folded)
end

-- ---------------------------------------------------------------- escapes --

local CONTROL = {t = 9, n = 10, v = 11, f = 12, r = 13, a = 7}
local ASSERTIONS = {
  A = "text_start", z = "text_end", b = "word_boundary", B = "not_word_boundary",
}

-- A byte written with a backslash, at the letter after it; nil if it is none.
local function escaped_byte(self, letter)
  if CONTROL[letter] then
    self.at = self.at + 1
    return CONTROL[letter]
  end
  if letter == "x" then
    local hex = self.text:match("^%x%x", self.at + 1)
    if not hex then fail(self.at - 1, "\\x needs two hexadecimal digits") end
    self.at = self.at + 3
    return tonumber(hex, 16)
  end
  if letter:find("^[^%w]$") and letter:byte() < 128 then
    self.at = self.at + 1
    return letter:byte()
  end
  return nil
end

local function unknown_escape(self, letter)
  local at = self.at - 1
  if letter == "" then fail(at, "a backslash at the end") end
  if letter:find("%d") then fail(at, "backreferences are not supported") end
  fail(at, ("unknown escape \\%s"):format(letter))
end

local function escape(self)
  self.at = self.at + 1
  local letter = self.text:sub(self.at, self.at)
  if sets.named[letter] then
    self.at = self.at + 1
    return set_node(sets.named[letter])
  end
  if ASSERTIONS[letter] then
    self.at = self.at + 1
    return {kind = "assert", what = ASSERTIONS[letter]}
  end
  local byte = escaped_byte(self, letter)
  return byte and literal(self, byte) or unknown_escape(self, letter)
end

-- ---------------------------------------------------------------- classes --

local function posix_set(self)
  local negated, name = self.text:match("^%[:(%^?)(%a+):%]", self.at)
  if not name then return nil end
  local set = sets.posix[name]
  if not set then fail(self.at, ("unknown class [:%s:]"):format(name)) end
  self.at = self.at + #name + #negated + 4
  return negated == "^" and sets.negate(set) or set
end

-- One member: a byte, or a set as second value.
local function class_member(self)
  local char = self.text:sub(self.at, self.at)
  if char == "" then fail(self.class_start, "a class without its closing ]") end
  local posix = posix_set(self)
  if posix then return nil, posix end
  if char ~= "\\" then
    if char:byte() >= 128 then
      fail(self.at, "only ASCII and \\xHH can be in a class; write alternatives (a|b)")
    end
    self.at = self.at + 1
    return char:byte()
  end
  self.at = self.at + 1
  local letter = self.text:sub(self.at, self.at)
  if sets.named[letter] then
    self.at = self.at + 1
    return nil, sets.named[letter]
  end
  local byte = escaped_byte(self, letter)
  return byte or unknown_escape(self, letter)
end

local function class_range(self, first)
  local start = self.at
  self.at = self.at + 1
  local last, named = class_member(self)
  if named then fail(start, "a range cannot end in a class") end
  if last < first then fail(start, "the range is backwards") end
  return sets.range(first, last)
end

local function class(self)
  self.class_start = self.at
  local negated = self.text:sub(self.at + 1, self.at + 1) == "^"
  self.at = self.at + (negated and 2 or 1)
  local set, first = {}, true
  while first or self.text:sub(self.at, self.at) ~= "]" do
    local byte, named = class_member(self)
    local is_range = byte and self.text:find("^%-[^%]]", self.at)
    sets.add(set, named or (is_range and class_range(self, byte)) or {[byte] = true})
    first = false
  end
  self.at = self.at + 1
  if self.flags.i then set = sets.fold(set) end
  if negated then set = sets.negate(set) end
  return set_node(set)
end

-- ----------------------------------------------------------------- groups --

local alternation

local function set_flags(self, letters)
  local flags = {i = self.flags.i, s = self.flags.s, m = self.flags.m}
  local value = true
  for letter in letters:gmatch(".") do
    if letter == "-" then value = false else flags[letter] = value end
  end
  self.flags = flags
end

local LOOKAROUND = {["="] = true, ["!"] = true}

local function group_start(self)
  local text, at = self.text, self.at
  if text:sub(at + 1, at + 1) ~= "?" then
    self.at = at + 1
    return
  end
  local third, fourth = text:sub(at + 2, at + 2), text:sub(at + 3, at + 3)
  local name = text:match("^%?P?<[%a_][%w_]*>", at + 1)
  if name then
    self.at = at + 1 + #name
    return
  end
  if LOOKAROUND[third] or third == "<" and LOOKAROUND[fourth] then
    fail(at, "lookahead and lookbehind are not supported")
  end
  local letters, ending = text:match("^([ims]*%-?[ims]*)([:)])", at + 2)
  if not letters then fail(at, "unknown group (?" .. third) end
  set_flags(self, letters)
  self.at = at + 2 + #letters + 1
  return ending == ")"
end

local function group(self)
  local start, flags = self.at, self.flags
  self.nesting = self.nesting + 1
  if self.nesting > MAX_NESTING then fail(start, "groups are nested too deeply") end
  if group_start(self) then     -- (?i) holds to the end of the group around it
    self.nesting = self.nesting - 1
    return nil
  end
  local node = alternation(self)
  if self.text:sub(self.at, self.at) ~= ")" then fail(start, "a group without its closing )") end
  self.at, self.flags, self.nesting = self.at + 1, flags, self.nesting - 1
  return node
end

-- ------------------------------------------------------------- structure --

-- All bytes of one character in UTF-8, so that a repetition holds for it whole.
local function plain_character(self)
  local bytes = self.text:match("^[\194-\244][\128-\191]+", self.at)
    or self.text:sub(self.at, self.at)
  self.at = self.at + #bytes
  if #bytes == 1 then return literal(self, bytes:byte()) end
  local node = {kind = "cat"}
  for i = 1, #bytes do node[i] = single(bytes:byte(i)) end
  return node
end

local ATOMS = {
  ["["] = class,
  ["("] = group,
  ["\\"] = escape,
  ["."] = function(self)
    self.at = self.at + 1
    return set_node(self.flags.s and sets.all or sets.not_newline)
  end,
  ["^"] = function(self)
    self.at = self.at + 1
    return {kind = "assert", what = self.flags.m and "line_start" or "text_start"}
  end,
  ["$"] = function(self)
    self.at = self.at + 1
    return {kind = "assert", what = self.flags.m and "line_end" or "text_end"}
  end,
}

-- min, max and the length of a repetition at self.at; nil if there is none.
local function repetition(self)
  local char = self.text:sub(self.at, self.at)
  if char == "*" then return 0, nil, 1 end
  if char == "+" then return 1, nil, 1 end
  if char == "?" then return 0, 1, 1 end
  if char ~= "{" then return nil end
  local all, min, comma, max = self.text:match("^({(%d*)(,?)(%d*)})", self.at)
  if not all or (min == "" and max == "") then return nil end
  if min == "" then fail(self.at, "write {0,n} for a repetition of at most n") end
  min, max = tonumber(min), comma == "" and tonumber(min) or tonumber(max)
  if min > MAX_REPEAT or max and max > MAX_REPEAT then
    fail(self.at, ("more than %d repetitions"):format(MAX_REPEAT))
  end
  if max and max < min then fail(self.at, "the repetition is backwards") end
  return min, max, #all
end

local function repeated(self, node, in_group)
  local start = self.at
  local min, max, length = repetition(self)
  if not min then return node end
  if not node or node.kind == "assert" and not in_group then fail(start, "nothing to repeat") end
  self.at = start + length
  if self.text:sub(self.at, self.at) == "?" then self.at = self.at + 1 end
  if repetition(self) then fail(self.at, "a repetition of a repetition; use a group") end
  return {kind = "repeat", item = node, min = min, max = max}
end

local function sequence(self)
  local node = {kind = "cat"}
  while self.at <= #self.text do
    local char = self.text:sub(self.at, self.at)
    if char == "|" or char == ")" then break end
    if char ~= "{" and repetition(self) then fail(self.at, "nothing to repeat") end
    local atom = repeated(self, (ATOMS[char] or plain_character)(self), char == "(")
    if atom then node[#node + 1] = atom end
  end
  return #node == 1 and node[1] or node
end

function alternation(self)
  local node = {kind = "alt", sequence(self)}
  while self.text:sub(self.at, self.at) == "|" do
    self.at = self.at + 1
    node[#node + 1] = sequence(self)
  end
  return #node == 1 and node[1] or node
end

local function parse(pattern)
  local self = {text = pattern, at = 1, flags = {}, nesting = 0}
  local ran, node = pcall(alternation, self)
  if ran and self.at <= #pattern then
    return nil, {message = "a closing ) without its group", offset = self.at}
  end
  if ran then return node end
  if getmetatable(node) ~= Failure then error(node, 0) end
  return nil, {message = node.message, offset = node.offset}
end

return {parse = parse}
