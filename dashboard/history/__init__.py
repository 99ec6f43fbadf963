"""Pages of what happened: sessions, one session, the gallery; their pictures and downloads."""
