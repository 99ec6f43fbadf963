"""How Django writes times where nobody says how: in the admin."""
