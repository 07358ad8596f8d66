"""What survives a crash: positions, and the records that could not be delivered."""
