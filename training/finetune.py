"""`python -m training.finetune`: the older name of `python -m training finetune`."""

import sys

from training.__main__ import main

if __name__ == "__main__":
    sys.exit(main(["finetune", *sys.argv[1:]]))
