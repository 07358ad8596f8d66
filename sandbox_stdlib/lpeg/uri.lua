-- The name under which scripts written for Hindsight require uri.
return require "uri"
