-- The Hindsight name of the module filterlog.
return require "filterlog"
