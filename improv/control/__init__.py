"""What can be commanded and what is published: one table of commands, one controlled state, one status."""
