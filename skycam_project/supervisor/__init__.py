"""`./skycam up`: starts what belongs to a night and keeps it running. Plain asyncio, no Django: about 20 MB."""
