-- The name under which scripts written for Hindsight require logfmt.
return require "logfmt"
