"""Following a database's binlog: `rxindex.source.binlog.reader` is the way in.

Nothing is imported here: `rxindex.source.binlog.change` is needed where the library that reads a
binlog is not installed.
"""
