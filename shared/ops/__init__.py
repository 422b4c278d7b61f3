"""What operators do from a command line: `python -m shared.ops --help`. Nothing that runs imports it."""
