"""A camera for machines without one: a PTP/IP server that libgphoto2 takes for a DSLR."""
