"""`python -m reconciler.emulator`."""

from reconciler.emulator.cli import emulator

if __name__ == "__main__":
    emulator(prog_name="python -m reconciler.emulator")
