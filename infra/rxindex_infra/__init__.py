"""rxindex on AWS: the stacks, one module each, and what they share."""

__all__: list[str] = []
