-- The name under which scripts written for Hindsight require escape_sequences.
return require "escape_sequences"
