"""Compiles a tree's modules: run by the Python that the zip is for, which needs nothing else.

``python compiling.py TREE ROOT OWN``: TREE is the folder, ROOT its name on the function (what a
traceback shows), OWN the package whose sources and docstrings stay.

A package's own loader takes ``module.pyc`` for ``module.py`` where that is missing, so for other
packages the compiled module takes the source's place, and carries no docstrings: nobody reads
them there, and they are a fifth of it. Assertions stay.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import sys
from pathlib import Path

__all__ = ["compile_tree"]

#: PEP 552: checked by hash, and never compared with the source: no time in it, none looked at.
_UNCHECKED = (0b01).to_bytes(4, "little")


def compile_tree(tree: Path, root: str, own: str) -> None:
    """Compile every module below a folder.

    Args:
        tree: the folder.
        root: its name in the compiled modules.
        own: name of the package that keeps its sources.
    """
    for source in sorted(tree.rglob("*.py")):
        name = source.relative_to(tree)
        kept = name.parts[0] == own
        text = source.read_bytes()
        module = ast.parse(text, str(name))
        if not kept:
            _drop_docstrings(module)
        code = compile(module, f"{root}/{name.as_posix()}", "exec", dont_inherit=True)
        place = Path(importlib.util.cache_from_source(str(source))) if kept else Path(f"{source}c")
        place.parent.mkdir(exist_ok=True)
        header = importlib.util.MAGIC_NUMBER + _UNCHECKED + importlib.util.source_hash(text)
        place.write_bytes(header + marshal.dumps(code))
        if not kept:
            source.unlink()


def _drop_docstrings(module: ast.Module) -> None:
    for node in ast.walk(module):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is None:
                continue
            first = node.body.pop(0)
            if not node.body and not isinstance(node, ast.Module):
                node.body.append(ast.copy_location(ast.Pass(), first))


if __name__ == "__main__":
    compile_tree(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
