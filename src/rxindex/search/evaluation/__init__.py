"""How well the search answers: judged queries, a catalogue's answers to them, and measures."""
