"""The command line: `./skycam COMMAND`. Each command loads only what it needs."""
