"""What travels between the engine and the player: frozen records, one queue in each direction.

Engine to player: `Schedule`, `MoveOff`, `Revoke`, `Silence`, `Bend`, `Pulses`, `StopClock`, `Rewire`, `Ping`, `Quit`.
Player to engine: `Ready`, `Received`, `Revoked`, `Dropped`, `Pong`, `PortsChanged`, `Rewired`, `Connected`, `ClockIn`,
`Failed`.

All `*_s` fields are seconds of the monotonic clock (improv.clock), the same in both processes.
"""

from __future__ import annotations

from typing import Literal, NamedTuple, Protocol

from improv.midi.messages import CLOCKS_PER_BEAT, PEDAL_KEY


class PlannedNote(NamedTuple):
    """A note to be sent: its note-off travels with its note-on.

    note_id: rises with every planned note of a session, never used twice.
    channel: 0..15. pitch: 0..127, or PEDAL_KEY: the sustain pedal goes down and up. velocity: 1..127.
    on_s: deadline of the note-on. off_s: deadline of the note-off; the engine may move it (`MoveOff`) once it
    knows the true end. If the engine never does (it died, it stalls), the note still ends at `off_s`.
    tag: free label that the player writes beside the note in its log (the mood's revision, say).
    parts: names of those that it belongs to, for outputs that play one part; empty: it belongs to all.
    """

    note_id: int
    channel: int
    pitch: int
    velocity: int
    on_s: float
    off_s: float
    tag: int = 0
    parts: tuple[str, ...] = ()

    @property
    def is_pedal(self) -> bool:
        """Whether it is the sustain pedal that goes down and up, and no note."""
        return self.pitch == PEDAL_KEY


class Schedule(NamedTuple):
    """Queue these notes."""

    notes: tuple[PlannedNote, ...]


class MoveOff(NamedTuple):
    """The true ends of notes: (note_id, off_s). Notes that already ended are ignored."""

    offs: tuple[tuple[int, float], ...]


class Revoke(NamedTuple):
    """Drop every note with an id >= first_note_id that was not sent yet. Answered by `Revoked`."""

    request_id: int
    first_note_id: int


class Silence(NamedTuple):
    """Drop all that is queued and end every sounding note now (note-offs, then CC 123 and pedal up)."""


class Bend(NamedTuple):
    """The external clock's tempo was another than believed: what is queued for `from_s` is due at `to_s`, and what is
    queued for later (or sounds until later) at a distance from there that is `stretch` times as long.
    """

    from_s: float
    to_s: float
    stretch: float

    def moved_s(self, due_s: float) -> float:
        return self.to_s + (due_s - self.from_s) * self.stretch


class Pulses(NamedTuple):
    """Ticks of our own song (24 a beat): `ticks` from `tick` on, the first at `due_s`, then one each `period_s`.

    click: of the metronome with the first of them (or alone, if there are none): 0 none, 1 a beat, 2 a bar line.
    """

    tick: int
    ticks: int
    due_s: float
    period_s: float
    click: int = 0


class StopClock(NamedTuple):
    """Our song stops at due_s."""

    due_s: float


class OutputSettings(NamedTuple):
    """One output and what is made of the notes on their way to it."""

    port: str = ""
    """Substring of an existing port's name, or empty for a virtual port."""
    channel: int = -1
    """0..15, or -1: as the engine chose."""
    transpose: int = 0
    """Semitones; a pitch beyond 0..127 is moved back by octaves."""
    velocity_curve: tuple[tuple[int, int], ...] = ()
    """(velocity of the engine, velocity sent), ascending, straight in between; empty: as it is."""
    latency_s: float = 0.0
    """How long the instrument needs from a message to its sound; the other outputs wait for it."""
    velocity_delay_s: tuple[tuple[int, float], ...] = ()
    """(velocity sent, how much longer such a note needs), ascending, straight in between."""
    program: int = -1
    """0..127: program change on connect; -1: none."""
    clock: bool = False
    """Send MIDI clock: ticks, start, stop, continue, song position."""
    metronome: int = -1
    """Channel 0..15 on which each beat is clicked; -1: none."""
    part: str = ""
    """Only the notes of this part are played; empty: all. The pedal is for every part."""
    second_part: str = ""
    """The notes of this part go to `second_channel`, and the pedal there as well; empty: none."""
    second_channel: int = 0
    """0..15."""


class Rewire(NamedTuple):
    """Play to these outputs from now on, as many as there are, and listen to this input; answered by `Rewired`.

    What sounds on an output that changes is ended there first. The others play on without a gap.
    """

    outputs: tuple[OutputSettings, ...]
    input_port: str


class Ping(NamedTuple):
    """Heartbeat of the engine, asks for a `Pong`."""


class Quit(NamedTuple):
    """Silence, close the ports, end the process."""


class Ready(NamedTuple):
    """The ports were opened (or the null driver stands in). Sent once, first."""

    driver: str
    output_name: str
    input_name: str
    notice: str
    """One sentence for the user when something is missing, else empty."""
    realtime: str
    """What was granted of SCHED_FIFO, locked memory, timer slack, in words."""


class Received(NamedTuple):
    """A whole MIDI message that arrived at the input port."""

    message: bytes
    received_s: float


class Revoked(NamedTuple):
    """Answer to `Revoke`: the ids >= first_note_id that had been sent already (and so stay), ascending."""

    request_id: int
    first_note_id: int
    already_sent: tuple[int, ...]


class Dropped(NamedTuple):
    """Notes that were left out whole, because their time was over. Each is told by the first output that plays it."""

    note_ids: tuple[int, ...]


class Statistics(NamedTuple):
    """Counts since the start of the process; lateness in seconds of note-ons in the last window."""

    notes_sent: int = 0
    notes_dropped: int = 0
    sounding: int = 0
    lateness_p50_s: float = 0.0
    lateness_p99_s: float = 0.0
    lateness_max_s: float = 0.0
    lead_s: float = 0.0
    """How long before its deadline a message leaves the queue: what is due sooner is as good as sent."""


class Pong(NamedTuple):
    """Answer to `Ping`."""

    statistics: Statistics


class PortsChanged(NamedTuple):
    """The ports came, went or came back; `notice` says so in one sentence."""

    driver: str
    output_name: str
    input_name: str
    notice: str
    goes_on: bool = False
    """The music plays on without a gap: nothing is to be planned anew."""
    input_lost: bool = False
    """Another input is listened to: the ends of keys that were held will not come."""


class Rewired(NamedTuple):
    """Answer to `Rewire`: the ports in use, as they were asked for. fault: why others were not taken, a sentence, or
    empty.
    """

    output_ports: tuple[str, ...]
    input_port: str
    fault: str = ""


class Connected(NamedTuple):
    """What the virtual ports are connected to, per output, and the input: for the next player, should this one die."""

    outputs: tuple[tuple[str, ...], ...]
    input: tuple[str, ...]


class Failed(NamedTuple):
    """The player cannot go on (a named port that is not there, for instance): one sentence; it ends after it."""

    reason: str


class ClockIn(NamedTuple):
    """Where the master's song is, as its MIDI clock tells: tick `tick` (24 a beat) at `at_s`, one more each period_s.

    event: what just happened ("" for nothing but time): start, stop, continue, position (it jumped), lost (no tick came
    although the master runs), back (they come again), flood (more ticks than any tempo has; they are ignored).
    """

    event: str
    running: bool
    tick: int
    at_s: float
    period_s: float

    @property
    def tempo_bpm(self) -> float:
        return 60.0 / (CLOCKS_PER_BEAT * self.period_s)


Instruction = Schedule | MoveOff | Silence | Bend | Pulses | StopClock | Rewire
"""What the engine tells the player and wants no answer to."""
ToPlayer = Instruction | Revoke | Ping | Quit
ToEngine = Ready | Received | Revoked | Dropped | Pong | PortsChanged | Rewired | Connected | ClockIn | Failed


class Link(Protocol):
    """What the engine needs of the player."""

    @property
    def statistics(self) -> Statistics:
        """As of the last heartbeat."""
        ...

    def send(self, record: Instruction) -> None:
        """Hand it over, without waiting."""
        ...

    def revoke(self, first_note_id: int) -> tuple[int, ...]:
        """Take back the notes with an id >= first_note_id that were not sent; returns the ids that were, ascending."""
        ...

    def poll(self, timeout_s: float) -> list[ToEngine]:
        """What arrived, waiting for it at most timeout_s."""
        ...

    def beat(self) -> str:
        """Heartbeat; a sentence when the player was replaced and all that it had is lost, else ""."""
        ...


class Observer(Protocol):
    """Is told what passes over the link: every instruction, what was revoked, what came too late, what arrived."""

    def observe(self, record: Instruction | ToEngine) -> None:
        """Called on the engine's thread: must neither wait nor raise. Later ones see what earlier ones have seen."""
        ...


DriverName = Literal["auto", "rtmidi", "jack", "alsa", "file", "null"]


class PlayerSettings(NamedTuple):
    """All that the player needs to know, handed over at its start."""

    driver: str = "auto"
    """One of DriverName."""
    file: str = ""
    """Path of the MIDI file that the file driver writes."""
    output_port: str = ""
    """Substring of an existing port's name, or empty for the virtual port. Used where `outputs` is empty."""
    input_port: str = ""
    outputs: tuple[OutputSettings, ...] = ()
    """Several outputs at once, each with a driver of its own; the first one's driver has the input."""
    with_input: bool = True
    wait_for_ports: bool = False
    """A named port that is not there at the start is waited for, instead of being an error."""
    output_connections: tuple[tuple[str, ...], ...] = ()
    """Per output, what its virtual port was connected to when the player before this one died."""
    connections: tuple[str, ...] = ()
    """The same for the one output of a driver; likewise the input."""
    input_connections: tuple[str, ...] = ()
    virtual_port_name: str = "BrainMusic"
    late_note_limit_s: float = 0.05
    """A note-on later than this is dropped (with its note-off); note-offs never are."""
    input_poll_s: float = 0.003
    port_poll_s: float = 0.5
    """How often the ports are looked at. Only the drivers jack and alsa notice one that goes and returns in between."""
    engine_timeout_s: float = 5.0
    """Without a Ping for so long the player ends all sounding notes (the engine hangs)."""
    realtime: bool = True
    log_notes_to: str = ""
    """Path of a log with a JSON line per sent note, or empty."""

    @property
    def reaches_somebody(self) -> bool:
        """Whether the notes go to a port that was named, or to one that was connected to ours."""
        named = self.output_port or any(output.port for output in self.outputs)
        return bool(named or any(self.output_connections))

    def rewired(self, outputs: tuple[OutputSettings, ...], input_port: str) -> PlayerSettings:
        """With other outputs and another input. Of a port that stays what it is connected to stays known."""
        before = self.outputs or (OutputSettings(self.output_port),)
        known = self.output_connections + ((),) * len(outputs)
        stays = [old.port == new.port for old, new in zip(before, outputs, strict=False)]
        return self._replace(
            outputs=outputs,
            input_port=input_port,
            output_connections=tuple(known[i] if stay else () for i, stay in enumerate(stays)),
            input_connections=self.input_connections if input_port == self.input_port else (),
        )
