"""Automatic flats: pure search and measuring; the run that drives camera and panel. docs/flats.md."""
