"""The index room: everything that speaks to Redis."""
