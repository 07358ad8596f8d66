-- The Hindsight name of the module common_log_format.
return require "common_log_format"
