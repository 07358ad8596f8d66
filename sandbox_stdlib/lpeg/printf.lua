-- The name under which scripts written for Hindsight require printf.
return require "printf"
