"""Night products: live stack, star trails, keogram, meteors, sky curves; pure Python."""
