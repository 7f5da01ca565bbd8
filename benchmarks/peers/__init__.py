"""rxindex beside other ways to keep a Redis index of the same catalogue.

Five peers load the same rows with the same model into a fresh Redis of the same version, each set
up as its own documentation suggests, in a short file that can be read in a minute:

* `benchmarks.peers.with_redisvl`: RedisVL's ``SearchIndex.load``;
* `benchmarks.peers.with_langchain`: LangChain's ``index()`` with ``langchain-redis``;
* `benchmarks.peers.with_llamaindex`: LlamaIndex' ingestion pipeline with its Redis stores;
* `benchmarks.peers.json_per_ndc`: a loader that pages by OFFSET and writes a JSON document an NDC;
* `benchmarks.peers.with_rxindex`: rxindex.

LangChain and LlamaIndex need versions of RedisVL that exclude each other, so LlamaIndex gets an
environment of its own::

    python -m venv .peers
    .peers/bin/pip install -e '.[demo,eval]' -r benchmarks/peers/requirements.txt
    python -m venv .peers-llamaindex
    .peers-llamaindex/bin/pip install -r benchmarks/peers/requirements-llamaindex.txt
    .peers/bin/python -m benchmarks.peers --llamaindex-python .peers-llamaindex/bin/python

Four of the five embed every package, two of them in each run. So that this takes no hours, the
texts are embedded beforehand, each once, and what the model takes is measured by itself and added
(see `benchmarks.peers.vectors`). ``--quick`` takes a minute.
"""
