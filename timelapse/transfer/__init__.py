"""Finished sessions and originals from a capture node, and into the archive; pure Python."""
