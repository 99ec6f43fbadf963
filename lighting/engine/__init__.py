"""The lights' engine: one process, one writer, no Django. `python -m lighting.engine` runs it."""
