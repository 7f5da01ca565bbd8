"""The bench room: rxindex's speed beside the raw limits of what it stands on."""
