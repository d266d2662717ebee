"""`python -m training.prepare`, by its old name."""

import sys

from training.dataset.prepare import main

if __name__ == "__main__":
    sys.exit(main())
