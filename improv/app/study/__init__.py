"""Listening tests: what people hear in the music, asked blind, answered on a page, counted: `improv study`."""
