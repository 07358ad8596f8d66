-- The name under which scripts written for Hindsight require msg_interpolate.
return require "msg_interpolate"
