-- The name under which scripts written for Hindsight require postfix.
return require "postfix"
