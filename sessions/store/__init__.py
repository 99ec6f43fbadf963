"""Crash-safe sessions as files: pure Python, no Django. See docs/sessions.md.

`manager.SessionManager` records, `reading.open_session` reads, `joining` and `logs` let other processes take
part.
"""
