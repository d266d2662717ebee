"""Keeps the plan a look-ahead before the clock, turns it when a command comes, and follows other clocks."""
