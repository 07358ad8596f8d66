-- The Hindsight name of the module cbufd.
return require "cbufd"
