-- The Hindsight name of the module msg_interpolate.
return require "msg_interpolate"
