"""Compare depth models on the same rows: checks against the matte, agreement, speed and memory."""
