"""The emulated Bright River: rejecting delivered files."""
