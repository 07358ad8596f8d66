-- Extracts browser, major version and operating system from a User-Agent header. Used through the module common_log_format.

local ipairs, tonumber = ipairs, tonumber

local M = {}

-- The first match decides, because many agents also claim to be another one.
local SYSTEMS = {
  {"iPod", "iPod"}, {"iPad", "iPad"}, {"iPhone", "iPhone"}, {"Android", "Android"},
  {"BlackBerry", "BlackBerry"}, {"Linux", "Linux"}, {"Macintosh", "Macintosh"},
  {"Mozilla/5.0 (Mobile;", "FirefoxOS"},
  {"Windows NT 10.0", "Windows 10"}, {"Windows NT 6.3", "Windows 8.1"}, {"Windows NT 6.2", "Windows 8"},
  {"Windows NT 6.1", "Windows 7"}, {"Windows NT 6.0", "Windows Vista"},
  {"Windows NT 5.1", "Windows XP"}, {"Windows NT 5.0", "Windows 2000"},
}

-- Name, identifying text, and the text before its version.
local BROWSERS = {
  {"Edge", "Edg/", "Edg/"}, {"Opera", "OPR/", "OPR/"}, {"Chrome", "Chrome/", "Chrome/"},
  {"Opera Mini", "Opera Mini", "Version/"}, {"Opera", "Opera", "Version/"},
  {"MSIE", "MSIE ", "MSIE "}, {"Safari", "Safari/", "Version/"}, {"Firefox", "Firefox/", "Firefox/"},
}

local function number_after(text, prefix)
  local _, last = text:find(prefix, 1, true)
  return last and tonumber(text:match("^%d+", last + 1))
end

function M.normalize(text)
  if not text then return nil end
  local browser, version, system
  for _, known in ipairs(SYSTEMS) do
    if text:find(known[1], 1, true) then
      system = known[2]
      break
    end
  end
  for _, known in ipairs(BROWSERS) do
    if text:find(known[2], 1, true) then
      browser, version = known[1], number_after(text, known[3])
      break
    end
  end
  return browser, version, system
end

return M
