"""`python -m training.export`: the older name of `python -m training export`."""

import sys

from training.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["export", *sys.argv[1:]]))
