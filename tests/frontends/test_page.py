"""The page in a real browser, against a real daemon."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from functools import partial
from typing import Any

import mido
import pytest

from tools import browser as chrome
from tools.browser import PATIENCE_S, Daemon, opened
from tools.waiting import eventually as eventually_within

pytestmark = pytest.mark.skipif(bool(chrome.missing()), reason=chrome.missing())

eventually = partial(eventually_within, timeout_s=PATIENCE_S)
FARTHEST = 300  # Tabs from anything on the page to anything else
FOCUSABLE = "button, input, select, a[href], [tabindex]"


@pytest.fixture
def page(browser: Any, daemon: Daemon) -> Iterator[Any]:
    daemon.command("reset")
    with opened(browser, daemon) as page:
        yield page
    daemon.command("pause")


def look(page: Any, expression: str) -> Any:
    """The value of a JavaScript expression in the page."""
    return page.evaluate(f"() => {expression}")


def engine_goes_to(daemon: Daemon, valence: float, arousal: float) -> bool:
    state = daemon.state
    return abs(state["target_valence"] - valence) < 0.06 and abs(state["target_arousal"] - arousal) < 0.06


def middle_of(page: Any, valence: float, arousal: float) -> tuple[float, float]:
    """Where a point of the mood plane lies on the screen; the corners lie 44 / 400 inside of the pad."""
    box = page.locator("#pad").bounding_box()
    across, down = (0.11 + 0.78 * (1 + value) / 2 for value in (valence, -arousal))
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def test_dragging_on_the_pad_turns_the_engine_and_the_glide_is_seen(page: Any, daemon: Daemon) -> None:
    daemon.command("play")
    daemon.command("glide", seconds=300)
    before = daemon.state["revision"]
    page.mouse.move(*middle_of(page, 0.9, -0.9))
    page.mouse.down()
    page.mouse.move(*middle_of(page, 0.0, 0.0), steps=4)
    page.mouse.move(*middle_of(page, -0.5, 0.6), steps=4)
    page.mouse.up()
    eventually(lambda: engine_goes_to(daemon, -0.5, 0.6))
    assert daemon.state["glide_left_s"] > 10
    eventually(lambda: daemon.revision_sent() > before)  # what goes to the MIDI port was chosen under the new mood
    # The dot is on its way, the ring is where it goes.
    eventually(lambda: len({drawn_at(page, "#pad-target"), drawn_at(page, "#pad-dot")}) == 2)
    before = drawn_at(page, "#pad-dot")
    eventually(lambda: drawn_at(page, "#pad-dot") != before)
    eventually(lambda: "on the way" in page.locator("#mood-note").text_content())


def drawn_at(page: Any, selector: str) -> str:
    """Where a part of the pad is drawn."""
    return str(page.locator(selector).get_attribute("transform"))


def told(page: Any, words: str) -> None:
    """Wait for a notice; it is gone again after seconds, its words stay in its place."""
    eventually(lambda: words in page.locator("#notice").text_content())


def test_a_named_mood_is_one_click_away_and_is_announced(page: Any, daemon: Daemon) -> None:
    page.click("[data-mood=sad]")
    eventually(lambda: engine_goes_to(daemon, -1, -1))
    page.wait_for_selector("[data-mood=sad][aria-pressed=true]")
    eventually(lambda: page.locator("#announce").text_content() == "The mood goes to sad.")
    page.click("[data-nudge='1 0']")
    eventually(lambda: engine_goes_to(daemon, -0.9, -1))


def test_the_roll_draws_the_notes_that_were_sent(page: Any, daemon: Daemon) -> None:
    eventually(lambda: daemon.notes_sent() == daemon.state["notes_sent"])  # the log is written once a second
    before, dropped = daemon.notes_sent(), daemon.state["notes_dropped"]
    daemon.command("mood", name="nervous")
    daemon.command("play")
    eventually(lambda: daemon.notes_sent() >= before + 25)
    daemon.command("pause")

    def drawn_too_many() -> int:
        left_out = daemon.state["notes_dropped"] - dropped  # too late to be sent, on a machine that stood still
        return int(look(page, "brainmusic.roll.drawn")) - left_out - (daemon.notes_sent() - before)

    eventually(lambda: daemon.notes_sent() == daemon.state["notes_sent"] and drawn_too_many() == 0)
    assert page.locator("#roll").get_attribute("data-drawn") == str(look(page, "brainmusic.roll.drawn"))
    painted = "Array.from(brainmusic.roll.context.getImageData(60, 0, 400, 200).data).some((byte) => byte > 0)"
    assert look(page, painted)


def test_a_person_s_notes_are_drawn_differently(page: Any) -> None:
    played = """() => {
        const now_s = brainmusic.live.clock.now();
        brainmusic.roll.played({ pitch: 60, velocity: 80, at_s: now_s - 1 });
        brainmusic.roll.played({ pitch: 60, velocity: 0, at_s: now_s });
        return brainmusic.roll.person.map((note) => note.off_s - note.on_s);
    }"""
    assert page.evaluate(played) == [pytest.approx(1)]


def test_the_piano_of_the_page_sounds_and_panic_ends_it_at_once(page: Any, daemon: Daemon) -> None:
    assert page.locator("#sound").get_attribute("aria-pressed") == "false"  # off until somebody asks
    page.click("#sound")
    page.wait_for_selector("#sound[aria-pressed=true]")
    daemon.command("play")
    eventually(lambda: look(page, "brainmusic.sound.piano.level() > 0.002"))
    page.click("#panic")
    eventually(lambda: look(page, "brainmusic.sound.piano.voices.size === 0"))
    eventually(lambda: look(page, "brainmusic.sound.piano.level() < 0.0005"))
    eventually(lambda: not daemon.state["playing"])
    eventually(lambda: daemon.state["sounding"] == 0)
    page.click("#sound")
    page.wait_for_selector("#sound[aria-pressed=false]")


def test_a_second_key_is_panic_because_full_screen_takes_escape(page: Any, daemon: Daemon) -> None:
    daemon.command("play")
    eventually(lambda: daemon.state["playing"])
    page.click("#stage")
    eventually(lambda: "silences" in (page.locator("#stage-keys").text_content() or ""))
    assert page.locator("#stage-keys").is_visible()
    page.keyboard.press(".")
    eventually(lambda: not daemon.state["playing"])
    page.click("#stage")
    assert not page.locator("#stage-keys").is_visible()


def test_under_another_program_s_clock_the_tempo_is_off_and_says_why(page: Any, daemon: Daemon) -> None:
    daemon.command("clock", source="midi")
    page.wait_for_selector("#faster:disabled")
    assert page.locator("#tap").is_disabled()
    assert "another program" in page.locator(".tempo").get_attribute("title")
    eventually(lambda: page.locator("#doing").text_content() == "waiting for the other program")
    page.click("#play")
    told(page, "when the other program starts")
    daemon.command("clock", source="internal")
    page.wait_for_selector("#faster:not(:disabled)")
    eventually(lambda: page.locator("#doing").text_content() == "paused")


def words_seen(page: Any) -> set[str]:
    """Every text and name on the page that has two letters in a row."""
    texts = """[...document.querySelectorAll("body, body :not(script)")].flatMap((one) => [
        ...[...one.childNodes].filter(({ nodeType }) => nodeType === Node.TEXT_NODE).map(({ data }) => data),
        ...["aria-label", "title", "placeholder", "aria-valuetext"].map((name) => one.getAttribute(name) ?? "")])"""
    return {words.strip() for words in look(page, texts) if re.search("[A-Za-z]{2}", words)}


def test_the_page_speaks_the_browser_s_language_and_the_one_that_is_chosen(browser: Any, daemon: Daemon) -> None:
    with opened(browser, daemon) as page:
        english = words_seen(page)
    with opened(browser, daemon, locale="es-MX") as page:
        assert page.locator("html").get_attribute("lang") == "es"
        assert page.get_by_role("tab", name="Viaje").count() == 1
        page.wait_for_selector("[data-mood=sad]")
        assert page.locator("[data-mood=sad]").text_content() == "triste"
        same = {words for words in words_seen(page) & english if words not in SAME_IN_BOTH}
        same = {words for words in same if not NO_WORDS.search(words)}
        assert not same, sorted(same)
        page.click("#language")
        page.wait_for_selector("html[lang=en]")
        page.reload()
        assert page.locator("html").get_attribute("lang") == "en"
        assert page.get_by_role("tab", name="Journey").count() == 1


# Names, and words that both languages share; keys, chords, bpm and times.
SAME_IN_BOTH = {
    "BrainMusic",
    "plain",
    "Esc",
    "Ctrl",
    "Tab",
    "Tempo",
    "Solo",
    "bpm",
    "legato",
    "tempo",
    "en",
    "es",
    "Am F C G",
}
SAME_IN_BOTH |= {
    "hands",
    "polyphony",
    "pianist",
    "performance",
    "melody",
    "chorale",
    "tiny",
    "evening",
    "iso",
    "lift",
}  # files
NO_WORDS = re.compile(r"^\S+ (major|minor)$|bpm$|^staccato \d|^[\d.:/]+ ")


def test_volume_and_tab_are_kept_in_this_browser(page: Any) -> None:
    page.click("#tab-play")
    page.locator("#volume").fill("40")
    page.reload()
    page.wait_for_selector("#tab-play[aria-selected=true]")
    assert page.locator("#volume").input_value() == "40"
    assert look(page, "brainmusic.sound.volume") == pytest.approx(0.4)


def test_twenty_keys_at_once_do_not_clip(page: Any) -> None:
    highest = page.evaluate("""async () => {
        const { Piano, touchOf } = await import("/static/js/piano.js");
        const context = new OfflineAudioContext(2, 44100, 44100), piano = new Piano(context, await touchOf());
        await piano.load();
        piano.volume.gain.value = 1.6;
        for (let key = 0; key < 20; key++) piano.begin(key, 30 + 3 * key, 127, 0.05);
        const played = await context.startRendering();
        const highest = (samples) => samples.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        return Math.max(...[0, 1].map((channel) => highest(played.getChannelData(channel))));
    }""")
    assert 0.3 < highest < 1


def test_attributes_are_commanded_and_given_back(page: Any, daemon: Daemon) -> None:
    slider = page.get_by_label("Register", exact=True)
    slider.focus()
    slider.press("End")
    eventually(lambda: daemon.state["overrides"].get("register") == 84)
    page.get_by_label("Register: let the mood decide").click()
    eventually(lambda: "register" not in daemon.state["overrides"])
    before = daemon.state["attributes"]["tempo"]
    page.click("#faster")
    eventually(lambda: daemon.state["overrides"].get("tempo") == pytest.approx(before + 4, abs=0.51))


def test_a_refused_command_is_said_in_a_sentence(page: Any) -> None:
    look(page, "void brainmusic.send('point', { valence: 2, arousal: 0 })")
    told(page, "-1..1")


def test_the_page_comes_back_after_the_daemon_was_restarted(browser: Any) -> None:
    with chrome.running_daemon() as daemon, opened(browser, daemon) as page:
        page.click("#sound")
        page.wait_for_selector("#sound[aria-pressed=true]")
        daemon.command("play")
        eventually(lambda: look(page, "brainmusic.sound.piano.voices.size > 0"))
        daemon.stop()
        page.wait_for_selector("#link[data-link=lost]")
        eventually(lambda: look(page, "brainmusic.sound.piano.voices.size") == 0)
        page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
        assert violations(page) == []
        daemon.start()
        page.wait_for_selector("#link[data-link=open]")
        page.click("[data-mood=happy]")
        eventually(lambda: engine_goes_to(daemon, 1, 1))
        before = look(page, "brainmusic.roll.drawn")
        daemon.command("play")
        eventually(lambda: look(page, "brainmusic.roll.drawn") > before)


def test_everything_is_reached_and_moved_by_the_keyboard_alone(page: Any, daemon: Daemon) -> None:
    for tab in ("shape", "together", "scenes", "play", "journey", "people", "takes", "health"):
        page.locator("[role=tab][aria-selected=true]").focus()
        if tab != "shape":
            page.keyboard.press("ArrowRight")
        page.wait_for_selector(f"#tab-{tab}[aria-selected=true]")
        wanted = look(page, f"[...document.querySelectorAll({FOCUSABLE!r})].filter({IN_REACH}).map({NAME})")
        assert all(wanted), "a control without a name"
        page.evaluate("() => document.activeElement.blur()")
        reached: set[str] = set()
        for _ in range(FARTHEST):  # a list that comes meanwhile lengthens the way
            page.keyboard.press("Tab")
            reached.add(look(page, f"({NAME})(document.activeElement)"))
            if set(wanted) <= reached:
                break
        assert set(wanted) <= reached
    page.focus("#pad")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Shift+ArrowLeft")
    eventually(lambda: engine_goes_to(daemon, -0.02, 0.1))
    page.focus("#play")
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["playing"])
    page.keyboard.press("Escape")  # panic, from wherever one is
    eventually(lambda: not daemon.state["playing"])


IN_REACH = "(one) => one.checkVisibility() && !one.disabled && one.tabIndex >= 0"
NAME = """(one) => [one.getAttribute("aria-label"), one.labels?.[0]?.textContent, one.getAttribute("aria-labelledby"),
    one.textContent.trim()].find(Boolean)"""


PRESS = """(one) => one.matches("a, [role=tab], [role=tabpanel], #theme, #stage, #sound, #help-open, #pad") ? ""
    : one.matches("#settings *, #learn *, #midi-out-look") ? ""
    : one.matches("button") ? "Enter" : one.matches("select") ? "ArrowDown" : one.matches("[type=number]") ? "number"
    : one.matches("[type=text]") ? "text"
    : one.matches("[type=range]") ? (Number(one.value) > 150 ? "ArrowLeft" : "ArrowRight") : ''"""


def drawn_journey(route: Any) -> None:
    """Answers what would change or draw a journey; lets the list through."""
    if route.request.method == "GET":
        route.continue_()
    else:
        route.fulfill(json={"name": "x", "points": [[0, 0, 0], [60, 0.5, 0.5]], "length_s": 60})


def test_every_command_of_the_page_is_given_by_keys_alone(page: Any, daemon: Daemon) -> None:
    """Tab to each control in turn and press what one presses there; nothing is clicked, nothing focused otherwise."""
    daemon.command("scene_keep", name="Bridge")
    daemon.command("scene_place", place=1)
    page.locator(".all-scenes .scene-name").wait_for(state="attached")
    daemon.command("journey_start", name="evening")  # last, for a scene that is recalled holds the journey
    daemon.command("mode", name="answer")  # where the turn can be handed over
    page.wait_for_selector(".journey-name", state="attached")
    shown = "(one) => one.textContent === 'Your turn, BrainMusic' && !one.hidden"
    eventually(lambda: look(page, f"[...document.querySelectorAll('#together button')].some({shown})"))
    page.evaluate("""() => {
        brainmusic.asked = new Set();
        brainmusic.live.send = async (command) => void brainmusic.asked.add(command);
    }""")
    # What the keys make of the form of journeys is not kept: some of it would be refused.
    page.route("**/api/journeys**", drawn_journey)
    page.route("**/api/journeys/*", drawn_journey)
    for tab in ("shape", "together", "scenes", "play", "journey"):
        while look(page, "document.activeElement.id") != f"tab-{tab}":
            on_tab = look(page, "document.activeElement.matches('[role=tab]')")
            page.keyboard.press("ArrowRight" if on_tab else "Tab")
        for _ in range(90):
            page.keyboard.press("Tab")
            if look(page, "document.activeElement.matches('[role=tab]')"):
                break
            keys = look(page, f"({PRESS})(document.activeElement)")
            if keys == "number":
                page.keyboard.type("60")
                page.keyboard.press("Enter")
            elif keys == "text":  # a button that follows asks for it
                page.keyboard.type("Am")
            elif keys:
                page.keyboard.press(keys)
    offered = {row["name"] for row in look(page, "brainmusic.live.hello.commands")}
    # The pad's keys are tried above; play and pause, hold and resume are one button each; chords says what chord does;
    # there is nothing to undo by Redo, and no second place to go to.
    elsewhere = {"point", "valence", "arousal", "play_pause", "pause", "journey_resume", "chord"}
    elsewhere |= {"scene_next", "scene_back", "redo"}
    # Of the tabs People and Takes, tried there; and a file is chosen in the system's own window.
    elsewhere |= {"session_start", "session_end", "begin_from_take", "begin_from_file"}
    elsewhere |= {"output", "input"}  # chosen among the ports that are there: this daemon has none
    assert offered - elsewhere - set(look(page, "[...brainmusic.asked]")) == set()


def test_scenes_are_kept_recalled_renamed_and_deleted_by_keys_alone(page: Any, daemon: Daemon) -> None:
    for name in daemon.state["scenes"]:
        daemon.command("scene_delete", name=name)
    daemon.command("mood", name="sad")
    tab_to(page, "[role=tab]")
    while look(page, "document.activeElement.id") != "tab-scenes":
        page.keyboard.press("ArrowRight")
    tab_to(page, "#scene-new")
    page.keyboard.type("Rain")
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["scenes"] == ["Rain"])
    daemon.command("mood", name="happy")
    tab_to(page, "#scene-new")
    eventually(lambda: page.input_value("#scene-new") == "")
    page.keyboard.type("Sun")
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["set_list"] == ["Rain", "Sun"])
    tab_to(page, "[data-key='up-0']")  # Sun comes earlier
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["set_list"] == ["Sun", "Rain"])
    tab_to(page, "[data-key='place-1']")
    page.keyboard.press("Enter")
    eventually(lambda: engine_goes_to(daemon, -1, -1))
    page.wait_for_selector("[data-key='place-1'][aria-pressed=true]")
    assert page.locator("#set-name").text_content() == "Rain"
    assert page.locator("#set-place").text_content() == "2 of 2"
    tab_to(page, "#set-back")
    page.keyboard.press("Enter")
    eventually(lambda: engine_goes_to(daemon, 1, 1))
    tab_to(page, "[data-key='name-Sun']")
    page.keyboard.press("Control+A")
    page.keyboard.type("Noon")
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["set_list"] == ["Noon", "Rain"])
    tab_to(page, "[data-key='delete-Rain']")
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["scenes"] == ["Noon"])
    page.keyboard.press("Control+z")
    eventually(lambda: daemon.state["scenes"] == ["Rain", "Noon"])  # in the order in which they were kept
    assert daemon.state["set_list"] == ["Noon", "Rain"]
    page.keyboard.press("Control+Shift+z")
    eventually(lambda: daemon.state["scenes"] == ["Noon"])
    tab_to(page, "[data-at=bar]")
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["scene_at"] == "bar")
    page.locator("#scene-glide").fill("6")
    page.keyboard.press("Enter")
    eventually(lambda: daemon.state["scene_glide_s"] == 6)
    daemon.command("scene_landing", at="now")
    daemon.command("scene_delete", name="Noon")
    page.locator("#scenes .empty").wait_for()


def test_undo_says_what_it_takes_back(page: Any, daemon: Daemon) -> None:
    daemon.command("key", name="auto")
    daemon.command("attribute", name="loudness", value=77)
    page.wait_for_selector("#undo[aria-label='Undo: loudness']")
    page.click("#undo")
    eventually(lambda: "loudness" not in daemon.state["overrides"])
    page.click("#tab-scenes")
    page.get_by_role("button", name="Redo: loudness").click()
    eventually(lambda: daemon.state["overrides"].get("loudness") == 77)


PLANNED = """() => {
    const { live } = brainmusic, now_s = live.clock.now();
    live._socket.onmessage = null;  // what the daemon says from now on is not heard
    live.state = { ...live.state, has_plan: true, plan_key: "D minor", plan_section: "A'", plan_phrase_bar: 3,
        plan_phrase_bars: 8, plan_chord: "Dm", plan_next_chord: "A7/C#", plan_next_in_beats: 2, plan_cadence: "half",
        plan_metre: "3/4", plan_refers_bars_ago: 4, plan_likeness: 80,
        plan_ahead: [[now_s + 1, "bar", "A7/C#", "", "", ""], [now_s + 2, "phrase", "F", "F major", "half", "B"]] };
    live._tell("state", {});
}"""


DRAWN_AHEAD = """() => new Promise((done) => {
    const { roll, live } = brainmusic, { context, canvas } = roll;
    roll.foreseen([[live.clock.now() + 1, "bar", "A7/C#", "", "", ""]], true);
    requestAnimationFrame(() => {
        const left = canvas.width * (1 - roll.ahead) + 4;
        done(context.getImageData(left, 0, canvas.width - left, 16).data.some((byte) => byte > 0));
    });
})"""


def test_the_plan_is_written_above_the_roll_and_drawn_in_it(page: Any, daemon: Daemon) -> None:
    daemon.command("pause")
    page.wait_for_selector("#plan", state="hidden")  # this model has none
    eventually(lambda: not daemon.state["playing"])
    page.evaluate(PLANNED)
    said = {one: page.locator(f"#plan-{one}").text_content() for one in ("key", "section", "phrase", "chord", "next")}
    assert said == {"key": "D minor", "section": "A'", "phrase": "3/8", "chord": "Dm", "next": "A7/C# in 2 beats"}
    assert "half cadence, varies the bar 4 bars ago (80 % alike)" in page.locator("#plan-aim").text_content()
    assert look(page, "brainmusic.roll.marks.map(({ kind }) => kind)") == ["bar", "phrase"]
    eventually(lambda: page.evaluate(DRAWN_AHEAD))  # what is ahead is soon behind, should a frame be late


def test_ports_metre_and_transposition_are_kept_in_a_file_of_one_s_own(page: Any, daemon: Daemon) -> None:
    page.click("#tab-play")
    page.get_by_role("button", name="Show ports and settings").click()
    page.get_by_label("Transpose, semitones").fill("-12")
    page.get_by_label("Quarter notes in a bar").fill("3")
    assert page.get_by_label("Model", exact=True).last.is_disabled()  # named on the command line
    page.get_by_label("Key at the start").select_option("D minor")
    page.get_by_role("button", name="Save", exact=True).last.click()
    page.get_by_text("It counts from the next start.").wait_for()
    text = daemon.own_config.read_text()
    assert "transpose: -12 " in text
    assert "beats_per_bar: 3 " in text.replace("3.0", "3")
    assert "# semitones, -60..60" in text
    assert "key: D minor" in text
    eventually(lambda: daemon.state["key"] == "D minor")  # at once as well: nobody commanded another one
    assert str(daemon.own_config) in page.locator("#settings .hint").text_content()
    page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
    for _ in ("dark", "light"):
        page.click("#theme")
        assert violations(page) == []


def test_a_port_is_played_to_as_soon_as_it_is_chosen(page: Any, daemon: Daemon) -> None:
    answer = {
        "file": "",
        "values": {"midi.output": "", "midi.input": ""},
        "ports": {"inputs": ["Roland:1"], "outputs": ["Grand:1"]},
        "overridden": [],
    }
    page.route("**/api/settings", lambda route: route.fulfill(json=answer))
    page.click("#tab-play")
    page.get_by_role("button", name="Show ports and settings").click()
    page.get_by_label("MIDI output", exact=True).select_option("Grand:1")
    # The null driver has no port of that name: the old one stays, and the page says why.
    eventually(lambda: "Grand:1" in daemon.state["port_fault"])
    told(page, "Grand:1")
    assert daemon.state["output_ports"] == [""]


def test_hands_go_to_a_second_channel_as_soon_as_it_is_chosen(page: Any, daemon: Daemon) -> None:
    page.click("#tab-play")
    way = page.get_by_label("What output 1 plays")
    way.select_option(label="The left hand on a second channel")
    eventually(lambda: daemon.state["output_parts"] == [["all", "hands", 1, 2]])
    channel = page.get_by_label("Second channel of output 1")
    channel.fill("9")
    channel.press("Tab")
    eventually(lambda: daemon.state["output_parts"] == [["all", "hands", 1, 9]])
    daemon.command("parts", split="off")  # from another frontend
    channel.wait_for(state="hidden")
    eventually(lambda: way.input_value() == "all off")


def test_a_knob_is_learnt_on_the_page(page: Any, daemon: Daemon) -> None:
    def turn(control: int, *values: int) -> None:
        for value in values:
            look(page, f"brainmusic.live._tell('control', {{ channel: 1, control: {control}, value: {value} }})")

    page.click("#tab-play")
    page.get_by_role("button", name="Show knobs and pedals").click()
    page.get_by_label("A knob, pedal or pad for").select_option("tempo")
    turn(74, 1, 2, 3)  # nobody asked yet
    page.get_by_role("button", name="Learn", exact=True).click()
    page.get_by_text("Now move the knob").wait_for()
    turn(123, 0, 0, 0)
    turn(21, 3)
    turn(75, 10, 11, 12)
    page.get_by_text("CC 75 is tempo now").wait_for()
    page.get_by_text("CC 75 · Tempo · yours · also CC 28").wait_for()
    assert "75: tempo" in daemon.own_config.read_text()
    page.evaluate(pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT)
    for _ in ("dark", "light"):
        page.click("#theme")
        assert violations(page) == []
    page.get_by_role("button", name="Remove: CC 75").click()
    page.get_by_text("CC 75 is none now").wait_for()
    page.get_by_role("button", name="Learn", exact=True).click()
    for value in (10, 11, 12):
        fine = f"{{ channel: 1, control: 52, name: '20/52', value: {value} }}"
        look(page, f"brainmusic.live._tell('control', {fine})")
    page.get_by_text("CC 20/52 is tempo now").wait_for()
    page.get_by_role("button", name="Remove: CC 20/52").click()
    page.get_by_text("CC 20/52 is none now").wait_for()


def test_what_is_asked_of_the_plan_goes_to_the_engine(page: Any, daemon: Daemon) -> None:
    page.click("#tab-play")
    page.get_by_label("Key", exact=True).select_option("F# minor")
    eventually(lambda: daemon.state["key"] == "F# minor")
    daemon.command("key", name="auto")
    eventually(lambda: page.get_by_label("Key", exact=True).input_value() == "auto")
    page.get_by_label("Chord loop").fill("Am X")
    page.keyboard.press("Enter")
    told(page, "bar 2: chord 'X' must begin with a note")
    page.get_by_label("Phrase length").select_option("4")
    told(page, "has no plan")  # the tiny model


def tab_to(page: Any, selector: str) -> None:
    """Press Tab until the focus is there, once there is something to come to."""
    page.wait_for_selector(selector, state="attached")
    for _ in range(FARTHEST):
        page.keyboard.press("Tab")
        if look(page, f"document.activeElement.matches({selector!r})"):
            return
    raise AssertionError(f"Tab does not come to {selector}")


def test_the_stage_is_dark_and_gives_the_chosen_theme_back(browser: Any, daemon: Daemon) -> None:
    with opened(browser, daemon, color_scheme="light") as page:
        theme = page.locator("html").get_attribute
        assert theme("data-theme") == "light"
        page.click("#stage")
        assert theme("data-theme") == "dark"
        page.click("#stage")
        assert theme("data-theme") == "light"


def test_sound_theme_stage_and_takes_by_keys_alone(page: Any, daemon: Daemon) -> None:
    daemon.command("play")
    for button, on in (("#sound", "[aria-pressed=true]"), ("#stage", "[aria-pressed=true]")):
        tab_to(page, button)
        page.keyboard.press("Enter")
        page.wait_for_selector(button + on)
        page.keyboard.press("Space")
        page.wait_for_selector(f"{button}:not({on})")
    tab_to(page, "#theme")
    before = page.locator("#theme").get_attribute("aria-label")
    page.keyboard.press("Enter")
    assert page.locator("#theme").get_attribute("aria-label") != before
    tab_to(page, "[role=tab]")
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.locator(".take").first.wait_for()
    tab_to(page, ".take a[href$='.mid']")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename.endswith(".mid")
    tab_to(page, ".take [aria-label^='Add a note']")
    page.keyboard.press("Enter")
    page.keyboard.type("Written by keys.")
    tab_to(page, "#ask-yes")
    page.keyboard.press("Enter")
    eventually(lambda: any(b"by keys" in path.read_bytes() for path in daemon.takes.glob("*")))
    eventually(lambda: look(page, "document.activeElement.id") == "tab-takes")  # not lost with the dialog
    tab_to(page, ".take [aria-label^='Delete']")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ask[open]")
    tab_to(page, "#ask-no")
    page.keyboard.press("Enter")
    page.wait_for_selector("#ask:not([open])", state="attached")


def test_a_take_is_listened_to_on_the_page(page: Any, daemon: Daemon) -> None:
    before = daemon.notes_sent()
    daemon.command("mode", name="solo")  # in others it may wait for a person
    daemon.command("play")
    eventually(lambda: daemon.notes_sent() > before + 10)
    page.click("#tab-takes")
    page.get_by_role("button", name="Listen: take").first.click()
    page.locator("audio.take-player").wait_for()
    eventually(lambda: look(page, "document.querySelector('.take-player').duration > 0.5"))
    assert page.locator(".take a[href$='.musicxml']").count() >= 1


def violations(page: Any) -> list[object]:
    """What axe finds, rules of good practice included."""
    found = page.evaluate("() => axe.run().then(({ violations }) => violations)")
    return [(one["id"], [(node["html"], node["failureSummary"]) for node in one["nodes"]]) for one in found]


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(browser: Any, daemon: Daemon, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.base").AXE_SCRIPT
    daemon.command("mood", name="happy")
    daemon.command("attribute", name="register", value=70)
    daemon.command("scene_keep", name="Bridge")
    daemon.command("play")
    with opened(browser, daemon, color_scheme=scheme) as page:
        page.set_viewport_size({"width": width, "height": 800})
        page.evaluate(axe)
        for tab in ("shape", "together", "scenes", "play", "journey", "people", "takes", "health"):
            page.click(f"#tab-{tab}")
            if tab == "takes":
                page.locator(".take").first.wait_for()
            assert violations(page) == [], tab
            for question in ("Add a note", "Delete: take") if tab == "takes" else ():
                page.get_by_role("button", name=question).first.click()
                page.wait_for_selector("#ask[open]")
                assert violations(page) == [], question
                page.keyboard.press("Escape")
                page.wait_for_selector("#ask:not([open])", state="attached")
        daemon.command("mode", name="duet")
        daemon.command("journey_start", name="evening")
        page.click("#tab-journey")
        for command in ("journey_hold", "journey_resume"):
            daemon.command(command)
            page.get_by_role(
                "button", name="Resume" if command == "journey_hold" else "Pause here", exact=True
            ).wait_for()
            assert violations(page) == [], command
        look(page, "void brainmusic.send('point', { valence: 2, arousal: 0 })")
        told(page, "-1..1")
        assert violations(page) == [], "a notice"
        page.click("#stage")
        assert violations(page) == [], "on the stage"
    daemon.command("reset")
    daemon.command("mode", name="solo")
    daemon.command("pause")


def test_takes_are_listed_and_a_question_is_not_a_panic(page: Any, daemon: Daemon) -> None:
    daemon.command("play")
    page.click("#tab-takes")
    take = page.locator(".take").first
    eventually(lambda: take.count() and "being recorded" in take.text_content())
    take.get_by_role("button", name="Delete: take").click()
    page.wait_for_selector("#ask[open]")
    page.keyboard.press("Escape")
    page.wait_for_selector("#ask:not([open])", state="attached")
    assert daemon.state["playing"]
    take.get_by_role("button", name="Add a note").click()
    page.keyboard.type("The second bar was lovely.")
    page.click("#ask-yes")
    eventually(lambda: any(b"lovely" in path.read_bytes() for path in daemon.takes.glob("*")))


CONTRASTS = """async ([theme, ink, card, padInk]) => {
    const { rgb } = await import("/static/js/moods.js");
    const light = (color) => color.map((part) => part / 255)
        .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4))
        .reduce((sum, part, index) => sum + part * [0.2126, 0.7152, 0.0722][index], 0);
    const contrast = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const found = [];
    for (let valence = -1; valence <= 1; valence += 0.125)
        for (let arousal = -1; arousal <= 1; arousal += 0.125) {
            const at = (use) => rgb(valence, arousal, theme, use);
            found.push(contrast(at("area"), ink), contrast(at("text"), card), contrast(at("field"), padInk));
        }
    return Math.min(...found);
}"""


@pytest.mark.parametrize(
    "colours",
    [
        ("dark", (11, 15, 18), (30, 36, 45), (255, 255, 255)),  # as in style.css: --accent-ink, --raised, --pad-ink
        ("light", (11, 15, 18), (241, 237, 229), (27, 29, 34)),
    ],
)
def test_words_are_readable_in_the_colours_of_every_mood(page: Any, colours: tuple[object, ...]) -> None:
    assert page.evaluate(CONTRASTS, list(colours)) >= 4.5  # WCAG 2.2, 1.4.3


PEDALLING = """async () => {
  const { Pedal } = await import("/static/js/pedal.js");
  const falls = [], pedal = new Pedal((id, at_s) => falls.push([id, at_s]));
  pedal.planned([{ id: 10, on_s: 1 }]);
  pedal.struck([{ id: 1, pitch: 60, on_s: 0.5 }, { id: 2, pitch: 64, on_s: 0.6 }]);
  pedal.ended([[1, 0.9], [2, 1.5]]);
  pedal.struck([{ id: 3, pitch: 64, on_s: 1.8 }]);
  pedal.ended([[3, 2]]);
  pedal.ended([[10, 3]]);
  pedal.planned([{ id: 12, on_s: 3.1 }]);
  pedal.ended([[4, 3.5]]);
  pedal.revoked(12, []);
  return falls;
}"""


def test_dampers_fall_with_the_key_the_next_stroke_the_pedal_or_where_no_pedal_came(page: Any) -> None:
    assert page.evaluate(PEDALLING) == [[1, 0.9], [2, 1.8], [3, 3], [4, 3.5]]


def test_a_piece_begins_from_a_file_of_the_person_s_and_from_what_was_just_played(page: Any, daemon: Daemon) -> None:
    daemon.command("mode", name="solo")  # in others it may wait for a person
    daemon.command("play")
    page.get_by_role("tab", name="Settings").click()
    theme = io.BytesIO()
    file = mido.MidiFile(ticks_per_beat=480)
    file.tracks.append(mido.MidiTrack())
    for bar in range(4):
        for pitch in (62 + bar, 65 + bar, 69 + bar, 74):
            file.tracks[0] += [mido.Message("note_on", note=pitch), mido.Message("note_off", note=pitch, time=480)]
    file.save(file=theme)
    giving = page.locator("#begin-file")
    giving.set_input_files({"name": "My theme.mid", "mimeType": "audio/midi", "buffer": theme.getvalue()})
    eventually(lambda: daemon.state["begun_from"] == "My theme.mid")
    eventually(lambda: page.get_by_text("This piece began from My theme.mid.").is_visible())
    giving.set_input_files({"name": "bad.mid", "mimeType": "audio/midi", "buffer": b"no music"})
    told(page, "Bad.mid: no MIDI file")
    before = daemon.notes_sent()
    eventually(lambda: daemon.notes_sent() > before + 16)
    page.get_by_role("button", name="What was just played").click()
    eventually(lambda: daemon.state["begun_from"] == "what BrainMusic played")
