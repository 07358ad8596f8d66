"""Configuration: the model, loading, interpolation, checking, and the JSON Schema."""
