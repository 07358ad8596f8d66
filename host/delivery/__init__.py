"""State that survives a crash: checkpoints and dead letters."""
