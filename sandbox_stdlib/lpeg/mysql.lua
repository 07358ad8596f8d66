-- The Hindsight name of the module mysql.
return require "mysql"
