-- The name under which scripts written for Hindsight require date_time.
return require "date_time"
