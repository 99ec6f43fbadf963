"""Reads Skycam sessions with the ASDF library.

    import asdf                       # enough: the tables and the codec are registered by entry points

    with asdf.open("observation_m31_20251214_210000.asdf") as session:
        session["observability"]["logs"][3]["message"]
        session["cameras"]["main"]["frames"][0]

Skycam itself reads through these modules; there is no second copy of them.
"""

from .tables import LogTable

__all__ = ["LogTable"]
