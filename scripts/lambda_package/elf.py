"""Takes what only debuggers and linkers read out of a shared library.

A loader maps a library by its program headers alone; the section headers, the symbols they lead to
and the debugging information are for other tools (System V ABI, "Program Loading"; elf(5)). Some
wheels carry many times their code of it. Done here because it must work for either architecture
on either, the same way everywhere, and `strip` knows its own alone.
"""

from __future__ import annotations

import struct

__all__ = ["slim"]

_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little endian: both of Lambda's architectures
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")


def slim(library: bytes) -> bytes:
    """Keep what the loader maps; anything that is no 64-bit little-endian ELF stays as it is.

    What lies between two mapped parts becomes zeros, since their places are fixed.
    """
    if not library.startswith(_MAGIC) or len(library) < _HEADER.size:
        return library
    header = list(_HEADER.unpack_from(library))
    first, size, count = header[5], header[9], header[10]
    if size != _SEGMENT.size or first + size * count > len(library):
        return library
    kept = [(0, _HEADER.size), (first, first + size * count)]
    for number in range(count):
        _, _, offset, _, _, length, _, _ = _SEGMENT.unpack_from(library, first + number * size)
        kept.append((offset, offset + length))
    end = max(stop for _, stop in kept)
    if end > len(library):
        return library
    slimmed = bytearray(end)
    for start, stop in kept:
        slimmed[start:stop] = library[start:stop]
    header[6] = header[12] = header[13] = 0  # e_shoff, e_shnum, e_shstrndx: there are no sections
    _HEADER.pack_into(slimmed, 0, *header)
    return bytes(slimmed)
