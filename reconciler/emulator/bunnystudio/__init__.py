"""The emulated Bunny Studio: rejecting deliverables."""
