"""DSLRs and mirrorless cameras through libgphoto2, which may hang: it lives in a killable process.

`driver.GPhoto2Driver` (asyncio, in the camera host) gives commands to `child` (one process per camera, owns
the libgphoto2 handle) and ends it with SIGKILL when it does not answer in time.
"""
