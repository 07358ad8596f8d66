-- The name under which scripts written for Hindsight require common_log_format.
return require "common_log_format"
