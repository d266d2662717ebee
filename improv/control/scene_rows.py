"""Rows of the table of commands: scenes, the set list, and taking back."""

from __future__ import annotations

from improv.control import commands
from improv.control.command_row import Argument, MidiAction, Row, button
from improv.control.commands import LONGEST_GLIDE_S
from improv.control.scene_book import LONGEST_SET_LIST, scene_name, set_list_of

SCENE_ROWS: tuple[Row, ...] = (
    Row(
        "scene",
        "Recall a scene: everything as it was when the scene was kept.",
        commands.RecallScene,
        (
            Argument("name", "choice", "the scene", choices_of="scenes"),
            Argument(
                "at",
                "choice",
                "when it begins; left out: as scene_landing says",
                choices=commands.LANDINGS,
                optional=True,
            ),
            Argument(
                "glide_s",
                "number",
                "how long mood and numbers take; left out: as scene_landing says",
                0,
                LONGEST_GLIDE_S,
                "s",
                optional=True,
            ),
        ),
    ),
    Row(
        "scene_next",
        "Recall the next scene of the set list.",
        lambda: commands.StepScene(1),
        (),
        button("scene_next"),
    ),
    Row(
        "scene_back",
        "Recall the scene before in the set list.",
        lambda: commands.StepScene(-1),
        (),
        button("scene_back"),
    ),
    Row(
        "scene_place",
        "Recall the scene at a place of the set list.",
        commands.RecallPlace,
        (Argument("place", "whole", "the first is 1", 1, LONGEST_SET_LIST),),
        {"scene_place": MidiAction("0: the first, 1: the second, and so on", lambda value: {"place": value + 1})},
    ),
    Row(
        "scene_keep",
        "Keep everything as it is now as a scene; one of that name is replaced.",
        commands.KeepScene,
        (Argument("name", "text", "the scene's name, without a comma", read=scene_name),),
    ),
    Row(
        "scene_rename",
        "Give a scene another name.",
        commands.RenameScene,
        (
            Argument("name", "choice", "the scene", choices_of="scenes"),
            Argument("to", "text", "the new name, without a comma", read=scene_name),
        ),
    ),
    Row(
        "scene_delete",
        "Delete a scene.",
        commands.DeleteScene,
        (Argument("name", "choice", "the scene", choices_of="scenes"),),
    ),
    Row(
        "scene_landing",
        "How scenes are recalled where nobody says otherwise: at once, or on the next beat or bar line, and gliding.",
        commands.SetLanding,
        (
            Argument("at", "choice", "when they begin", choices=commands.LANDINGS),
            Argument(
                "glide_s",
                "number",
                "how long mood and numbers take; left out: as glide says in the scene",
                0,
                LONGEST_GLIDE_S,
                "s",
                optional=True,
                nullable=True,
            ),
        ),
    ),
    Row(
        "set_list",
        "The scenes of the set list in their order; one may come more than once.",
        lambda names: commands.SetSetList(names or ()),
        (
            Argument(
                "names",
                "text",
                "names parted by commas; null or none: empty",
                nullable=True,
                free=("none",),
                read=set_list_of,
            ),
        ),
    ),
    Row("undo", "Undo the last command.", commands.Undo, (), button("undo")),
    Row("redo", "Redo the command that was undone.", commands.Redo, (), button("redo")),
)
"""In the order in which frontends show them."""
