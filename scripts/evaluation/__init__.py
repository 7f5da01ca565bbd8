"""Makes what the evaluation of the search needs: judged classes, and the figures of the docs."""
