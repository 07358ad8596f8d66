-- The Hindsight name of the module elasticsearch.
return require "elasticsearch"
