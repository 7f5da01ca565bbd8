"""The AWS faces: handlers for Lambda."""
