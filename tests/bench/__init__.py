"""The bench: the product against honest small programs, in turn, in one run, on one machine."""

import warnings

# A baseline is stock nameko; that eventlet wants to be left behind is known.
warnings.filterwarnings("ignore", message=r"\s*Eventlet is deprecated")
