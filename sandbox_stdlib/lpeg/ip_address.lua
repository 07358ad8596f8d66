-- The Hindsight name of the module ip_address.
return require "ip_address"
