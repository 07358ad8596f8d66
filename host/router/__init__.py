"""From decoders to whoever wants their messages."""
