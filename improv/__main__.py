"""`python -m improv` is the command `improv`."""

import sys

from improv.app.cli import main

sys.exit(main())
