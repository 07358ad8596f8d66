-- The Hindsight name of the module printf.
return require "printf"
