"""What is measured, each runnable by anyone with one command; the last results lie beside it in results/."""
