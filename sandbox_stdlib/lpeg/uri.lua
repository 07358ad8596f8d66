-- The Hindsight name of the module uri.
return require "uri"
