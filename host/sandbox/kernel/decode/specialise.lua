-- Records that name their own fields: JSON, logfmt. What varies from one record of a program to the next is the values; the text
-- between them, keys and punctuation, repeats. So the first records of a form are parsed in full, and from them a declared
-- grammar is made in which all text between the values is literal: it matches at the speed of any declared grammar, and the
-- next record of the same form needs nothing else. Forms that do not repeat stay with the full parser.
local lpeg = require "lpeg"
local declared = require "declared"

local match = lpeg.match

local M = {}

local SEEN_BEFORE_COMPILED = 2 -- records of a form before a grammar is made for it
local MAX_FORMS = 64 -- grammars kept, the one used last first
local MAX_LITERAL_BYTES = 32 * 1024 -- of all grammars that are kept: each byte takes up to 80 of memory
local MAX_COUNTED, MAX_COUNTED_BYTES = 2000, 256 * 1024 -- forms counted
local MUCH_KIB = 512 -- garbage that is not left for later
local MAX_VALUES = 120 -- values of a record that a compiled form may have

-- one string that is equal for records whose grammar would be equal
local function signature(text, found, is_constant)
  local parts, at = {}, 0
  for i, v in ipairs(found) do
    local constant = is_constant(v)
    parts[2 * i - 1] = text:sub(at + 1, constant and v.to or v.from)
    parts[2 * i] = constant and "\1" or "\2" .. v.form
    at = v.to
  end
  parts[#parts + 1] = text:sub(at + 1)
  return table.concat(parts)
end

-- declared items: literal text between the values
local function items_of(text, found, is_constant, item_of)
  local items, at = {}, 0
  for _, v in ipairs(found) do
    if is_constant(v) then
      items[#items + 1] = text:sub(at + 1, v.to)
    else
      if v.from > at then items[#items + 1] = text:sub(at + 1, v.from) end
      items[#items + 1] = item_of(v)
    end
    at = v.to
  end
  if at < #text then items[#items + 1] = text:sub(at + 1) end
  return items
end

-- whether a grammar can be made of them: it has no fields without a name
local function can_be_declared(found)
  if #found == 0 or #found > MAX_VALUES then return false end
  for _, v in ipairs(found) do
    if v.name == "" then return false end
  end
  return true
end

-- Values are tables {name, form, from, to}, zero-based positions in the record; form says how the value was written, as far as
-- that decides about its grammar. is_constant(value): whether its text is the same for all messages of one shape, as their Type is;
-- item_of(value): the field that declare_grammar would be given for it.
function M.new(is_constant, item_of, delimiter)
  local forms, literal_bytes = {}, 0
  local seen, seen_count, seen_bytes = {}, 0, 0
  local delimiter_text = delimiter and string.char(delimiter) or "\n"

  -- the form at a place has matched: it is tried first from now on
  local function used(place)
    if place > 1 then table.insert(forms, 1, table.remove(forms, place)) end
  end

  local function count(key)
    if seen_count > MAX_COUNTED or seen_bytes > MAX_COUNTED_BYTES then
      seen, seen_count, seen_bytes = {}, 0, 0
    end
    if not seen[key] then
      seen[key], seen_count, seen_bytes = 0, seen_count + 1, seen_bytes + #key
    end
    seen[key] = seen[key] + 1
    return seen[key]
  end

  local function keep(form, bytes)
    form.literal_bytes = bytes
    table.insert(forms, 1, form)
    literal_bytes = literal_bytes + bytes
    while #forms > MAX_FORMS or literal_bytes > MAX_LITERAL_BYTES do
      literal_bytes = literal_bytes - table.remove(forms).literal_bytes
    end
  end

  -- a record was parsed in full; spec: of declare_grammar, without its alternatives
  local function learn(text, found, spec)
    local key = signature(text, found, is_constant)
    if count(key) == SEEN_BEFORE_COMPILED and can_be_declared(found) and #key <= MAX_LITERAL_BYTES / 2 then
      spec.alternatives = { items_of(text, found, is_constant, item_of) }
      local before_kib = collectgarbage "count"
      keep(declared.compile(spec, delimiter_text)[1], #key)
      if collectgarbage "count" - before_kib > MUCH_KIB then collectgarbage() end
    end
  end

  -- Forms but the first are asked by their patterns before they are tried: that costs more, and makes their shapes the pack's.

  -- whether a known form has taken the record
  local function single(text, base, from, now)
    for place, form in ipairs(forms) do
      if match(form.single_pattern, text) and form.single(text, base, from, now) then
        used(place)
        return true
      end
    end
    return false
  end

  -- as those of declared.lua
  local function many(text, base, shift, i, delim, most_bytes, now, beat, ordinal)
    local first = forms[1]
    if not first then return i, ordinal end
    local next_i, next_ordinal = first.many(text, base, shift, i, delim, most_bytes, now, beat, ordinal, 1e15)
    if next_i ~= i then return next_i, next_ordinal end
    for place = 1, #forms do
      local form = forms[place]
      if match(form.one_pattern, text, i) then
        next_i, next_ordinal = form.one(text, base, shift, i, delim, most_bytes, now, beat, ordinal, ordinal + 1)
        if next_i ~= i then
          used(place)
          return next_i, next_ordinal
        end
      end
    end
    return i, ordinal
  end

  return { learn = learn, single = single, many = many }
end

return M
