"""Loaded before Django's settings (`-p tests.environment`): tests never touch a real data folder."""

import atexit
import os
import shutil
import tempfile

from hypothesis import settings

settings.register_profile("skycam", deadline=None)  # a test never fails because the machine was busy
settings.load_profile("skycam")

for name in [
    name
    for name in os.environ
    if name.startswith(("SKYCAM_", "DMX_"))
    or name in ("REDIS_URL", "DATABASE_URL", "CAMERA_PORT", "WEB_PORT")
]:
    del os.environ[name]
folder = tempfile.mkdtemp(prefix="skycam-tests-")
atexit.register(shutil.rmtree, folder, ignore_errors=True)
os.environ |= {"SKYCAM_DATA": folder, "SKYCAM_DEMO": "off", "DMX_ENGINE": "off", "HOME": folder}
os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
