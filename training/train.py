"""`python -m training.train`: the older name of `python -m training train`."""

import sys

from training.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["train", *sys.argv[1:]]))
