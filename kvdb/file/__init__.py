"""The file: LMDB's environment, the tables, the bytes of their records, and the locks beside it."""
