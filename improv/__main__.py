"""`python -m improv` is the command `improv`."""

import sys

from improv.cli import main

sys.exit(main())
