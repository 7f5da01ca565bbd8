"""Builds the zip that runs rxindex on AWS Lambda, the same bytes each time."""
