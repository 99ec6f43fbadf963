"""OpenCV without its stubs: they call every array `MatLike`, which is none of numpy's types."""

from typing import Any

import cv2 as _untyped

cv2: Any = _untyped
