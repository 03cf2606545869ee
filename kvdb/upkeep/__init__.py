"""Looking after a store's file: verify, compact, backup, repair, migrate."""
