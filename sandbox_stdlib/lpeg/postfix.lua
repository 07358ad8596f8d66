-- The Hindsight name of the module postfix.
return require "postfix"
