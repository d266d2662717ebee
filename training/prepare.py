"""`python -m training.prepare`: the older name of `python -m training prepare`."""

import sys

from training.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["prepare", *sys.argv[1:]]))
