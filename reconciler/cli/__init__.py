"""The command line: arguments, console, wiring."""
