"""`python -m training.evaluate`: the older name of `python -m training evaluate`."""

import sys

from training.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["evaluate", *sys.argv[1:]]))
