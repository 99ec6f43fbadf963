"""Brackets and focus planes become one image; pure Python."""
