-- The name under which scripts written for Hindsight require ip_address.
return require "ip_address"
