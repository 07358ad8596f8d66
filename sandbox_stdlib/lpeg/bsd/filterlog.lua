-- The name under which scripts written for Hindsight require filterlog.
return require "filterlog"
