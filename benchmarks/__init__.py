"""Benchmarks: one command, `python -m benchmarks`, measures, prints tables and writes JSON.

Each part is a module of this package, named in `benchmarks.parts`.
"""
