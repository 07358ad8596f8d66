-- The name under which scripts written for Hindsight require elasticsearch.
return require "elasticsearch"
