-- The Hindsight name of the module escape_sequences.
return require "escape_sequences"
