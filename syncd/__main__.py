"""`python -m syncd` is the same program as `syncd`."""

import sys

from syncd.cli.main import main

sys.exit(main())
