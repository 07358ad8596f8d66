-- The Hindsight name of the module logfmt.
return require "logfmt"
