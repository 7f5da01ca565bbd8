"""Benchmarks: one command, `python -m benchmarks`, prints a table and writes JSON."""
