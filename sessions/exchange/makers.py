"""Registers how exports and masters are made again."""

from sessions import provenance
from sessions.calibration import making
from sessions.exchange import fits

provenance.register("fits", fits.make_again)
provenance.register("master", making.make_again)
