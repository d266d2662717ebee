"""BrainMusic: piano music, improvised with feeling, on a MIDI port."""

import os

__version__ = "0.1.0"

# Nothing of ours reports to anybody: onnxruntime reads this when it is imported, in our processes and their children.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
