"""What people see of one session: read from its file or its running folder, in a process of its own.

| module | what |
|---|---|
| `contents.py` | what can be asked of a session, finished or running |
| `finished.py` `columns.py` | a finished session's file: tree, blocks, column tables |
| `running.py` | a running session's journals and frame files |
| `selection.py` | which frames an answer shows |
| `charts.py` | series thinned to what a chart can show |
| `pictures.py` `stretch.py` | frames as JPEG or PNG |
| `cache.py` | pictures that were made, within a limit |
| `answers.py` | questions by name |
| `giving.py` | the process that streams a download |
| `reader.py` `__main__.py` | the process that does all this, and how to ask it |
"""
