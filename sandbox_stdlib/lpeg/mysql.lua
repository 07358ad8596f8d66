-- The name under which scripts written for Hindsight require mysql.
return require "mysql"
