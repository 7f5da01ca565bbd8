"""Observers of runs: logs, Prometheus metrics and OpenTelemetry traces."""
