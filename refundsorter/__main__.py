"""`python -m refundsorter`."""

from refundsorter.cli import main

if __name__ == "__main__":
    main()
