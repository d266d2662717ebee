"""`improv completion`: what a shell reads to complete what is typed."""

from __future__ import annotations

import argparse

SHELLS = ("bash", "zsh", "fish")
HOW = """To have it in every new terminal:

  bash  improv completion bash > ~/.local/share/bash-completion/completions/improv
  zsh   echo 'source <(improv completion zsh)' >> ~/.zshrc    (below the line with compinit)
  fish  improv completion fish > ~/.config/fish/completions/improv.fish"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.epilog, parser.formatter_class = HOW, argparse.RawDescriptionHelpFormatter
    parser.add_argument("shell", choices=SHELLS)


def command(options: argparse.Namespace) -> None:
    """Print it."""
    from improv.app.completing import script

    print(script(options.shell), end="")
