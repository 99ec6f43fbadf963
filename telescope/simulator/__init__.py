"""A simulated DWARF 3 that speaks the device's own protocols: any client of the real one works with it.

Knows the protocol (`telescope.dwarf.proto`, `commands`, `notifications`, `values`, `codes`) and nothing else
of `telescope.dwarf`: client and simulator can only agree through what travels on the wire.
"""
