"""The read API: training analytics from the read store alone, as JSON over HTTP."""
