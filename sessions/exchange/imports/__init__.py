"""Folders that other programs left become finished sessions; the files stay as they are, byte for byte."""
