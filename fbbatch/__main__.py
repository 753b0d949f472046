"""`python -m fbbatch` is the same as `fbbatch`."""

from fbbatch.cli import main

if __name__ == "__main__":
    main()
