"""How good a model and its music are, each figure beside people."""
