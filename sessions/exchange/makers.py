"""Registers how the products of this package are made again."""

from sessions import provenance
from sessions.exchange import fits

provenance.register("fits", fits.make_again)
