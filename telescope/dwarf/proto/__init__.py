"""Messages of the DWARF protocol: our own `.proto` files, the code made from them, and who uses which."""
