"""Cameras behind one protocol (`base.CameraDriver`); pure, no Django."""
