"""One module per DVC stage: read the plan, call one pipeline, write the outs."""

import gc
import sys

# Torch's import makes a few hundred thousand objects, all to stay: looking through them for garbage
# costs every stage a tenth of a second, and once more at its end (run_stage).
if sys.argv[0] == "-m":
    gc.disable()
