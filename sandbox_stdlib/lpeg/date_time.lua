-- The Hindsight name of the module date_time.
return require "date_time"
