"""Configuration: model, loading, interpolation, checks, and the JSON Schema."""
