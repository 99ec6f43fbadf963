"""The catalogue of finished sessions: Parquet by month, derived from the files and rebuildable; pure Python."""
