-- The name under which scripts written for Hindsight require cbufd.
return require "cbufd"
