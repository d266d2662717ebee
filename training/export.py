"""`python -m training.export`, by its old name."""

import sys

from training.models.export import main

if __name__ == "__main__":
    sys.exit(main())
