"""From a configuration to a running pipeline, and to another configuration, and to its end."""
