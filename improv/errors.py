"""The errors that reach a person: one sentence that says what was wrong, where, and what is allowed."""

from __future__ import annotations


class BrainMusicError(Exception):
    """Base of every expected error. The command line prints its text and leaves with `exit_code`."""

    exit_code = 1


class InputError(BrainMusicError):
    """Something the user handed over (a file, an argument) cannot be used."""

    exit_code = 2


class CommandError(BrainMusicError):
    """A command is unknown, has a wrong argument, or cannot be carried out now. The music goes on as before."""

    exit_code = 2


class ConfigError(BrainMusicError):
    """config.yaml or an override is wrong. The text lists every fault, one a line."""

    exit_code = 3


class ModelError(BrainMusicError):
    """An exported model is missing, damaged or does not match this version."""

    exit_code = 4


class PortError(BrainMusicError):
    """A MIDI port or the MIDI system is not there or cannot be used."""

    exit_code = 5


class PlayerError(BrainMusicError):
    """The player process could not be started or does not answer."""

    exit_code = 6


class NotRunningError(BrainMusicError):
    """No daemon of this user is there to be spoken to, or several are and none was named."""

    exit_code = 7
