"""rxindex keeps a searchable index of a drug catalogue in step with the database that owns it."""

__version__ = "0.1.0"
