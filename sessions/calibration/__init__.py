"""Darks, flats and bias shared by hash: matching and scaling; pure Python."""
