"""`python -m kvdb_cli` is the `kvdb` command."""

from kvdb_cli.main import main

if __name__ == "__main__":
    main()
