--[[
Annotations for the graphs of circular buffers, stored by payload name.

    local annotation = require "annotation"
    annotation.add("Traffic", ns, 1, "D", "deployed 4.2")
    inject_payload("cbuf", "Traffic", annotation.prune("Traffic", ns), cb)

- `create(ns, column, short_text, text)` -> an annotation {x = milliseconds, col=, shortText=, text=}
- `add(name, ns, column, short_text, text)`, `concat(name, annotations)`: add one annotation, or a list
- `prune(name, ns)` -> the annotations of a name as a line of JSON, {"annotations":[...]}, without those that have
  expired; nil for a name without annotations
- `remove(name)`; `set_prune(name, ns)`: the maximum age of annotations; default one day

Times are nanoseconds. The state is the global _ANNOTATIONS, so that it is preserved.

Source: the API of Heka's annotation module.
--]]

local cjson = require "cjson"
local math = require "math"

local globals, ipairs = _G, ipairs -- luacheck: ignore 113
local floor = math.floor

local DAY_NS = 24 * 60 * 60 * 1e9

local M = {}

globals._ANNOTATIONS = globals._ANNOTATIONS or {}

-- Looks the global up each time, because a restore of preserved state can replace it.
local function entry(name)
  local all = globals._ANNOTATIONS
  if not all[name] then all[name] = {annotations = {}, prune_duration = DAY_NS} end
  return all[name]
end

function M.create(ns, column, short_text, text)
  return {x = floor(ns / 1e6), col = column, shortText = short_text, text = text}
end

function M.concat(name, annotations)
  local list = entry(name).annotations
  for _, annotation in ipairs(annotations) do list[#list + 1] = annotation end
end

function M.add(name, ns, column, short_text, text)
  M.concat(name, {M.create(ns, column, short_text, text)})
end

function M.remove(name) globals._ANNOTATIONS[name] = nil end

function M.set_prune(name, ns) entry(name).prune_duration = ns end

function M.prune(name, ns)
  local kept = globals._ANNOTATIONS[name]
  if not kept then return nil end
  local young = {}
  for _, annotation in ipairs(kept.annotations) do
    if annotation.x * 1e6 + kept.prune_duration > ns then young[#young + 1] = annotation end
  end
  kept.annotations = young
  -- (an empty table would be an object in JSON)
  if #young == 0 then return '{"annotations":[]}\n' end
  return cjson.encode{annotations = young} .. "\n"
end

return M
