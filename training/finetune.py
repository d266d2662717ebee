"""`python -m training.finetune`, by its old name."""

import sys

from training.learning.finetune import main

if __name__ == "__main__":
    sys.exit(main())
