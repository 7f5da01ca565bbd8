"""Advice on vector settings, measured on a catalogue's own vectors."""
