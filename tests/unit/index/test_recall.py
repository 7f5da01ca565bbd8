"""What a vector is that can be near anything."""

from __future__ import annotations

import numpy as np
import pytest

from rxindex.index.recall import is_sound, unit


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, True),
        (-1e-15, True),
        (1e15, True),
        (0.0, False),
        (1e-30, False),
        (1e30, False),
        (np.inf, False),
        (np.nan, False),
    ],
)
def test_a_sound_vector_has_a_length(value: float, expected: bool) -> None:
    vectors = np.array([[1, 0, 0], [value, value, value]], dtype=np.float32)

    sound = is_sound(vectors)

    assert sound.tolist() == [True, expected]
    assert np.allclose(np.linalg.norm(unit(vectors[sound]), axis=1), 1, atol=1e-6)
