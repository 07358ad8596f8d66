-- The name under which scripts written for Hindsight require cms.
return require "cms"
