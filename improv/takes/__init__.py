"""Takes: the record of everything that was played and commanded, and what can be made of it afterwards."""
