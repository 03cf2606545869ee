"""kvdb_cli: the `kvdb` command, thin over kvdb and kvdb_sdk."""
