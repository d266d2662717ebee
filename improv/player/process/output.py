"""One output: its ports, its queue and ledger, its transform. Several of them share the plan and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from improv.clock import Clock
from improv.midi.messages import SUSTAIN_PEDAL, control_of, on_channel, program_change
from improv.player.drivers.null import NullDriver
from improv.player.drivers.probe import open_driver
from improv.player.process.clock_out import ClockOut
from improv.player.process.hung_notes import HungNotes
from improv.player.process.output_transform import OutputTransform
from improv.player.process.ports import Ports
from improv.player.process.queue import DueMessage, NoteQueue
from improv.player.process.rewiring import Open, Swap, Swapped, finder
from improv.player.protocol import Bend, OutputSettings, PlannedNote, PlayerSettings, PortsChanged, Pulses

HAND_OVER_S = 0.003  # so much earlier than needed a driver that sends by deadline gets its messages
BURST, BURST_S = 128, 0.025  # a JACK port loses events beyond about 256 a period (21 ms at 1024 frames)
CLICKS = {1: (77, 90), 2: (76, 120)}  # pitch, velocity: on General MIDI's drum channel low and high wood block
CLICK_S = 0.05


class Output:
    """Ends what it began: every note-on that went out here is followed by its note-off here."""

    def __init__(
        self,
        ports: Ports,
        clock: Clock,
        settings: OutputSettings | None = None,
        *,
        late_note_limit_s: float,
        sounds_s: float = 0.0,
        open_: Open = open_driver,
    ) -> None:
        self.ports = ports
        self.queue = NoteQueue(late_note_limit_s)
        self._clock = clock
        self._settings = settings or OutputSettings()
        self._transform = OutputTransform(self._settings, sounds_s)
        self._hung = HungNotes()
        self._swap: Swap | None = None
        self._after: PlayerSettings | None = None
        self._open = open_
        self.clock_out = ClockOut()
        self._clicks = 0
        self._burst_began_s = clock.now()
        self._burst = 0

    @property
    def lead_s(self) -> float:
        """How long before its deadline a message leaves the queue."""
        lead_s = self.ports.driver.lead_s
        return lead_s + HAND_OVER_S if lead_s else 0.0

    def start(self) -> None:
        """The ports were just opened: the program of this output."""
        if self._settings.program >= 0:
            for channel in self._transform.channels(0):
                self.send(program_change(channel, self._settings.program))

    def schedule(self, notes: Iterable[PlannedNote]) -> None:
        self.queue.schedule(self._transform.note(note) for note in notes if self.plays(note))

    def move_offs(self, offs: Iterable[tuple[int, float]]) -> None:
        self.queue.move_offs((note_id, self._transform.at_s(off_s)) for note_id, off_s in offs)

    def bend(self, bend: Bend) -> None:
        moved = bend._replace(from_s=self._transform.at_s(bend.from_s), to_s=self._transform.at_s(bend.to_s))
        self.queue.bend(moved)
        self.clock_out.bend(moved)

    def plan_clock(self, pulses: Pulses) -> None:
        """Ticks and clicks, as far as this output gives them."""
        if self._settings.clock or (self._settings.metronome >= 0 and pulses.click):
            self.clock_out.plan(pulses._replace(due_s=self._transform.at_s(pulses.due_s)))

    def stop_clock(self, due_s: float) -> None:
        if self._settings.clock or self._settings.metronome >= 0:
            self.clock_out.stop_at(self._transform.at_s(due_s))

    def next_s(self) -> float | None:
        """When the next message must be handed to the driver, or None; while other ports are being opened it waits."""
        if self._swap is not None:
            return None
        due_s, tick_s = self.queue.next_due_s(), self.clock_out.next_due_s()
        if due_s is None or (tick_s is not None and tick_s < due_s):
            due_s = tick_s
        return None if due_s is None else due_s - self.lead_s

    def send_due(self, now_s: float) -> list[tuple[DueMessage, float]]:
        """Hand over what is due; returns the note-ons, each with the time at which it is out."""
        if self._swap is not None:
            return []
        for due_s, message, click in self.clock_out.pop_due(now_s, self.lead_s):
            if click and self._settings.metronome >= 0:
                self._click(due_s, click)
            elif message and self._settings.clock:
                self.send(message, due_s)
        begun = []
        for due in self.queue.pop_due(now_s, self.lead_s):
            if due.note is not None:
                for message in self._hung.pop_before((due.note.channel, due.note.pitch)):
                    self.send(message, due.due_s)
            self.send(due.message, due.due_s)
            if due.note is not None:
                out_s = self._clock.now()
                if lead_s := self.ports.driver.lead_s:  # what is handed over in time goes out on time
                    out_s = max(due.due_s, out_s + lead_s)
                self.queue.count_lateness(out_s - due.due_s)
                begun.append((due, out_s))
        return begun

    def _click(self, due_s: float, click: int) -> None:
        self._clicks += 1
        pitch, velocity = CLICKS[click]
        # Ids below 0: no revocation of the engine's notes reaches them.
        click_note = PlannedNote(-self._clicks, self._settings.metronome, pitch, velocity, due_s, due_s + CLICK_S)
        self.queue.schedule((click_note,))

    def plays(self, note: PlannedNote) -> bool:
        """Whether a note is for this output, which may play one part alone."""
        return self._transform.plays(note)

    def send(self, message: bytes, due_s: float | None = None) -> None:
        """Send, at most BURST messages in BURST_S. Where a part has a channel of its own, the pedal goes there too."""
        self._send(message, due_s)
        if self._settings.second_part and (control := control_of(message)) is not None and control[1] == SUSTAIN_PEDAL:
            own, second = self._transform.channels(control[0])
            if control[0] == own != second:
                self._send(on_channel(message, second), due_s)

    def _send(self, message: bytes, due_s: float | None) -> None:
        now_s = self._clock.now()
        if now_s - self._burst_began_s >= BURST_S:
            self._burst_began_s, self._burst = now_s, 0
        elif self._burst >= BURST:
            self._burst_began_s, self._burst = self._burst_began_s + BURST_S, 0
            self._clock.wait(self._burst_began_s)
        self._burst += 1
        self.ports.driver.send(message, due_s)

    def send_all(self, messages: Iterable[bytes]) -> None:
        for message in messages:
            self.send(message)

    def end_hung(self, hung: Iterable[tuple[int, int]]) -> None:
        """End notes, given as (channel, pitch) of the plan, that a player before this one left sounding."""
        self._hung.add(self._transform.keys(hung), self._clock.now())
        self.end_owed()

    def end_owed(self) -> None:
        """Send again the ends of hung notes that are due; keys that sound again are left alone."""
        self.send_all(self._hung.pop_due(self._clock.now()))

    def connected_anew(self) -> None:
        """Somebody was connected who may sound and has not heard the ends."""
        self._hung.renew(self._clock.now())

    def check(self) -> PortsChanged | None:
        """Look after the ports. After a change all that sounded here is ended, and the program is sent again."""
        change = self.ports.check() if self._swap is None else None
        if change is not None:
            self.send_all(self.queue.end_sounding())
            self.connected_anew()
            self.start()
        return change

    # -------------------------------------------------------------------------------------------------- rewiring

    @property
    def swapping(self) -> bool:
        """Whether other ports are being opened: what is due waits for them, and what comes too late is left out."""
        return self._swap is not None

    def transform_by(self, settings: OutputSettings, sounds_s: float) -> None:
        """Make this of the notes that come from now on; what sounds is ended, what is queued stays as it is."""
        if settings == self._settings and self._transform.sounds_s == sounds_s:
            return
        self._end_here()
        self._settings, self._transform = settings, OutputTransform(settings, sounds_s)
        if not self.swapping:
            self.start()

    def swap(self, before: PlayerSettings, after: PlayerSettings) -> None:
        """Open other ports; what sounds is ended on the old ones first. `swapped` tells when they are there.

        before, after: settings of the driver, as it was opened and as it is to be.
        """
        driver, (out, into) = self.ports.driver, self.ports.connections
        self._end_here()
        before = before._replace(connections=out, input_connections=into)
        after = after._replace(
            connections=out if after.output_port == before.output_port else (),
            input_connections=into if after.input_port == before.input_port else (),
        )
        self._after = after
        self.ports.driver = NullDriver()
        self._swap = Swap(driver, before, after, self._clock, self._open)

    def swapped(self) -> Swapped | None:
        """What came of `swap`, told once; None while it is under way, or nothing is."""
        if self._swap is None or self._after is None or (swapped := self._swap.ready()) is None:
            return None
        self._swap = None
        self.ports.driver = swapped.driver
        if not swapped.fault:
            self.ports.look_for(finder(self._after, self._open))
        self.connected_anew()
        self.start()
        return swapped

    def _end_here(self) -> None:
        if not self.swapping:
            self.send_all(self.queue.end_sounding() + self.clock_out.stop())

    def close(self) -> None:
        if self._swap is not None:
            self.ports.driver, self._swap = self._swap.wait().driver, None
        self.ports.driver.close()
