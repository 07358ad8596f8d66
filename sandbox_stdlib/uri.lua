--[[
Grammars for URIs (RFC 3986) and their parts.

    local uri = require "uri"
    uri.uri:match "https://bob@example.com:8080/a/b?x=1#top"
    uri.url_query:match "x=1&y=a%20b"

- `uri`, `uri_reference`: capture a table of scheme, userinfo, host, port (a number), path, query, fragment, unchanged;
  absent parts are omitted. `uri_reference` also accepts relative references.
- `url_query`: captures the fields of a query, key to text, decoded (+ is a space); a key without "=" is "", a key that
  occurs again has the list of its values
- `split_path(path)` -> list of the decoded parts between "/"

An IPv6 host has no brackets.

There is only the table form: a URI is part of a record, so its grammar is applied to a field from another grammar, and
the keys of queries differ.
--]]

local escape_sequences = require "escape_sequences"
local lpeg = require "lpeg"

local tonumber, type = tonumber, type
local C, Cf, Cg, Ct, P, R, S = lpeg.C, lpeg.Cf, lpeg.Cg, lpeg.Ct, lpeg.P, lpeg.R, lpeg.S

local M = {}

local hex = R("09", "af", "AF")
local unreserved = R("az", "AZ", "09") + S"-._~"
local encoded = P"%" * hex * hex
local sub_delimiter = S"!$&'()*+,;="
local pchar = unreserved + encoded + sub_delimiter + S":@"

local scheme = Cg(C(R("az", "AZ") * (R("az", "AZ", "09") + S"+-.")^0), "scheme") * ":"
local userinfo = Cg(C((unreserved + encoded + sub_delimiter + ":")^0), "userinfo") * "@"
local ip_literal = "[" * Cg(C((hex + S":.v" + unreserved + sub_delimiter)^1), "host") * "]"
local host = ip_literal + Cg(C((unreserved + encoded + sub_delimiter)^0), "host")
local port = ":" * (Cg(R"09"^1 / tonumber, "port") + P(true))
local authority = "//" * userinfo^-1 * host * port^-1

local path_rooted = Cg(C((P"/" * pchar^0)^0), "path")
local path_absolute = Cg(C(P"/" * (pchar^1 * (P"/" * pchar^0)^0)^-1), "path")
local path_rootless = Cg(C(pchar^1 * (P"/" * pchar^0)^0), "path")
local path_no_scheme = Cg(C((pchar - ":")^1 * (P"/" * pchar^0)^0), "path")
local path_empty = Cg(C"", "path")

local query_text = (pchar + S"/?")^0
local query = "?" * Cg(C(query_text), "query")
local fragment = "#" * Cg(C(query_text), "fragment")
local hierarchy = authority * path_rooted + path_absolute + path_rootless + path_empty
local relative = authority * path_rooted + path_absolute + path_no_scheme + path_empty

M.uri = Ct(scheme * hierarchy * query^-1 * fragment^-1) * -1
M.uri_reference = M.uri + Ct(relative * query^-1 * fragment^-1) * -1

local function set(fields, key, value)
  local known = fields[key]
  if known == nil then
    fields[key] = value
  elseif type(known) == "table" then
    known[#known + 1] = value
  else
    fields[key] = {known, value}
  end
  return fields
end

local function decoded(text) return escape_sequences.decode_url(text) end

local key = C((1 - S"=&;#")^1) / decoded
local value = C((1 - S"&;#")^0) / decoded
local pair = Cg(key * (P"=" * value + lpeg.Cc""))
local separator = S"&;"

M.url_query = P"?"^-1 * Cf(Ct"" * (separator^0 * pair * (separator^1 * pair)^0)^-1, set) * separator^0 * -1

function M.split_path(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do parts[#parts + 1] = escape_sequences.decode_percent(part) end
  return parts
end

return M
