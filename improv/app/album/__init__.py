"""Many pieces at once, by any number of processes or machines, each the same whoever makes it: `improv album`."""
