"""Sessions to and from other programs: FITS, zip, folders of images; pure Python."""
