"""Run the command line as ``python -m watermarking``."""

from watermarking.cli import main

if __name__ == "__main__":
    main()
