"""A sync on several workers: Dask carries a load's partitions to them (extra ``dask``)."""
