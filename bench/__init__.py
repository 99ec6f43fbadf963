"""Benchmarks: one module per subject, each with `main(argv)`; `./skycam bench NAME` runs one."""
