-- The Hindsight name of the module util.
return require "util"
