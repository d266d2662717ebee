"""`python -m training.train`, by its old name."""

import sys

from training.learning.train import main

if __name__ == "__main__":
    sys.exit(main())
