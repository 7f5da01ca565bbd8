"""The error tree is what its docstring shows."""

from __future__ import annotations

import re

from rxindex import errors


def classes() -> dict[str, type[errors.RxindexError]]:
    return {
        name: one
        for name, one in vars(errors).items()
        if isinstance(one, type) and issubclass(one, errors.RxindexError)
    }


def test_all_names_every_error() -> None:
    assert sorted(errors.__all__) == sorted(classes())


def test_the_docstring_draws_the_tree_as_it_is() -> None:
    assert errors.__doc__
    path: list[str] = ["RxindexError"]
    seen = {"RxindexError"}
    for line in errors.__doc__.splitlines():
        if match := re.match(r"^    ((?:│   |    )*)[├└]── (\w+)", line):
            depth = len(match[1]) // 4 + 1
            path[depth:] = [match[2]]
            parent, child = getattr(errors, path[depth - 1]), getattr(errors, match[2])
            assert issubclass(child, parent)
            seen.add(match[2])
    assert seen == set(classes())


def test_an_error_is_terminal_or_transient_and_never_both() -> None:
    for name, one in classes().items():
        if one not in {errors.RxindexError, errors.TerminalError, errors.TransientError}:
            terminal = issubclass(one, errors.TerminalError)
            assert terminal != issubclass(one, errors.TransientError), name


def test_every_error_has_an_exit_code_and_a_docstring() -> None:
    for one in classes().values():
        assert issubclass(one, errors.RxindexError)
        assert one.exit_code in {1, 2, 3, 4, 5, 6, 7, 8, 11}
        assert one.__doc__
