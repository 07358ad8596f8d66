-- The name under which scripts written for Hindsight require util.
return require "util"
