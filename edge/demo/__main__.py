"""`python -m edge.demo`."""

import sys

from edge.demo.demo import main

sys.exit(main())
