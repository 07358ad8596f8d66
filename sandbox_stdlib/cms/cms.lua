-- The Hindsight name of the module cms.
return require "cms"
