"""The object store: keyed bytes that outlive an algorithm, in a folder or behind any fsspec URL."""
