"""The bench: the product against honest small programs, in turn, in one run, on one machine."""
