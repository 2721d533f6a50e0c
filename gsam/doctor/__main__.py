"""`python -m gsam.doctor`."""

import sys

from gsam.doctor.command import main

sys.exit(main())
