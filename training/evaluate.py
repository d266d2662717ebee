"""`python -m training.evaluate`, by its old name."""

import sys

from training.evaluation.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
