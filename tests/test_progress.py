"""How long a run will take yet is reckoned honestly, and the line that says so leaves no trace."""

import pytest
from screens import Screen
from steelyard.progress import Bar, Forecast, rounded
from steelyard.terminal import Terminal


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def forecast(clock):
    made = Forecast(clock)
    made.plan({"building": 10.0, "timing": 40.0, "profiling": 20.0})
    return made


def test_before_anything_is_known_the_plan_holds(forecast):
    """All phases, as long as they were planned."""
    forecast.step("building", 0, 5)
    assert forecast.left == pytest.approx(70)
    assert forecast.share == 0


def test_steps_that_take_as_long_as_planned(forecast, clock):
    """Then the time left shrinks by what has passed, and the share grows with it."""
    forecast.step("building", 0, 5)
    clock.now += 10
    forecast.step("timing", 0, 100)
    assert forecast.left == pytest.approx(60)
    assert forecast.share == pytest.approx(10 / 70)
    clock.now += 20
    forecast.step("timing", 50, 100)
    assert forecast.left == pytest.approx(40)
    assert forecast.share == pytest.approx(30 / 70)


def test_steps_that_take_longer_change_the_forecast(forecast, clock):
    """The more of them there were the less the plan counts; phases to come are as planned."""
    forecast.step("timing", 0, 100)
    clock.now += 50
    forecast.step("timing", 50, 100)  # a second each instead of 0.4
    assert 20 + 48 < forecast.left < 20 + 50


def test_the_first_step_does_not_decide(forecast, clock):
    """One that took thirty times as long is one of a hundred."""
    forecast.step("timing", 0, 100)
    clock.now += 12
    forecast.step("timing", 1, 100)
    assert forecast.left < 0.5 * 99 * 12


def test_a_phase_that_ends_early_leaves_nothing(forecast, clock):
    """Once the next one begins, what was left of it does not count."""
    forecast.step("building", 1, 5)
    clock.now += 1
    forecast.step("profiling", 0, 4)
    assert forecast.left == pytest.approx(20)


def test_the_share_never_goes_back(forecast, clock):
    """Not even where everything takes longer than planned; the time left says so."""
    shares = []
    for done in range(50):
        forecast.step("timing", done, 50)
        clock.now += 0.1 if done < 10 else 30
        shares.append(forecast.share)
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] <= 1


def test_a_plan_may_be_made_again(forecast, clock):
    """For what has not begun."""
    forecast.step("building", 0, 5)
    forecast.plan({"building": 1000.0, "timing": 5.0, "writing": 1.0})
    assert forecast.left == pytest.approx(10 + 5 + 20 + 1)


def test_what_nobody_planned_is_shown_too(clock):
    """A phase without a plan, and one without a step."""
    forecast = Forecast(clock)
    forecast.step("building", 0, 0)
    assert "building 0/1" in forecast.line(80)
    clock.now += 6
    forecast.step("checking", 1, 3)
    assert forecast.left == 0.0
    clock.now += 6
    assert forecast.left == pytest.approx(4)


@pytest.mark.parametrize("width", [10, 30, 50, 60, 80, 100, 200])
def test_the_line_fits(width, forecast, clock):
    """The bar has what the words leave, or is not there."""
    forecast.step("timing", 0, 106)
    clock.now += 20
    forecast.step("timing", 53, 106)
    line = forecast.line(width)
    assert len(line) <= width
    assert line.startswith("steelyard: timing 53/106"[:width])
    assert ("━" in line) == (width >= 60)
    if width >= 50:
        assert line.endswith(" 33 %, 40 s left")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "1 s"), (7.7, "8 s"), (11, "11 s"), (41, "40 s"), (103, "1 min 45 s"), (7300, "2 h 1 min")],
)
def test_no_more_digits_than_can_be_foretold(seconds, text):
    """Five seconds matter at the end only."""
    assert rounded(seconds) == text


def test_the_bar_stands_below_and_goes():
    """The line in which pytest shows its tests stays as it is, also at the lower end of the screen."""
    for lines_before in (0, 3, 9):
        screen, bar = Screen(columns=40, lines=5), Bar()
        screen.write("line\n" * lines_before + "test_cells.py ")
        for done in range(3):
            bar.draw(screen, f"timing {done}", below=True)
            line = f"test_cells.py {'.' * done}".rstrip()
            assert screen.text.splitlines()[-2:] == [line, f"timing {done}"]
            bar.erase(screen)
            screen.write(".")
        screen.write("\ndone\n")
        assert screen.text.splitlines() == ["line"] * lines_before + ["test_cells.py ...", "done"]


def test_a_bar_of_its_own_line_goes():
    """What is written next begins where it stood."""
    screen, bar = Screen(), Bar()
    screen.write("before\n")
    bar.draw(screen, "building 1/2, much to do", below=False)
    bar.draw(screen, "building 2/2", below=False)
    assert screen.text == "before\nbuilding 2/2"
    bar.erase(screen)
    bar.erase(screen)
    screen.write("built\n")
    assert screen.text == "before\nbuilt"


class Reporter:
    """As much of pytest's as is used here."""

    def __init__(self, screen, verbosity=0):
        self.screen, self.verbosity, self.begun = screen, verbosity, False

    def ensure_newline(self):
        if self.begun:
            self.screen.write("\n")
        self.begun = False

    def dot(self, text="."):
        self.screen.write(text)
        self.begun = True

    def write_line(self, line, **markup):
        self.screen.write(f"{line}\n")


@pytest.fixture
def terminal_on(monkeypatch, clock):
    """A terminal with its reporter, on a screen that is made up."""

    def make(screen, verbosity=0, capture="fd", reporter=True, **environment):
        class Config:
            pluginmanager = type("", (), {"get_plugin": staticmethod(lambda name: made)})

            @staticmethod
            def getoption(name):
                return {"capture": capture}[name]

        made = Reporter(screen, verbosity) if reporter else None
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setenv("COLUMNS", str(screen.columns))
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("sys.stdout", screen)
        terminal = Terminal(Config())
        terminal.forecast.clock = clock
        return terminal, made

    return make


def a_run(terminal, reporter, clock):
    terminal.forecast.plan({"building": 4.0, "timing": 2.0})
    for done in range(3):
        terminal.progress("building", done, 2)
        clock.now += 2
    terminal.say("built")
    for done in range(2):
        terminal.progress_of_tests("timing", done, 2)
        clock.now += 1
        terminal.clear()
        if reporter:
            reporter.dot()
    terminal.progress("measuring memory", 0, 1)
    terminal.say("measured")


@pytest.mark.parametrize("columns", [30, 60, 100])
def test_a_run_on_a_terminal(columns, terminal_on, clock):
    """The progress was there, in lines that do not wrap, and at the end nothing is left of it."""
    screen = Screen(columns)
    terminal, reporter = terminal_on(screen)
    a_run(terminal, reporter, clock)
    assert screen.text == "steelyard: built\n..\nsteelyard: measured"
    drawn = screen.getvalue()
    for what in ("building 1/2", "timing 1/2", "measuring memory"):
        assert what[: columns - 12] in drawn


@pytest.mark.parametrize(
    ("screen", "options"),
    [
        ({"terminal": False}, {}),
        ({}, {"TERM": "dumb"}),
        ({}, {"verbosity": -1}),
        ({}, {"reporter": False}),
    ],
    ids=["pipe", "dumb", "quiet", "no reporter"],
)
def test_nothing_of_it_elsewhere(screen, options, terminal_on, clock):
    """Logs stay as pytest writes them."""
    made = Screen(**screen)
    terminal, reporter = terminal_on(made, **options)
    a_run(terminal, reporter, clock)
    assert "\x1b" not in made.getvalue()
    assert "timing" not in made.getvalue()


def test_where_tests_print_there_is_none_while_they_run(terminal_on, clock):
    """With -s what a kernel prints goes to the terminal: no line is drawn into it."""
    screen = Screen()
    terminal, reporter = terminal_on(screen, capture="no")
    a_run(terminal, reporter, clock)
    assert "timing" not in screen.getvalue()
    assert "building" in screen.getvalue()


def test_a_terminal_without_the_signs(terminal_on, clock, monkeypatch):
    """The bar is drawn from what every encoding has."""
    monkeypatch.setattr(Screen, "encoding", "ascii", raising=False)
    screen = Screen(80)
    terminal, reporter = terminal_on(screen)
    a_run(terminal, reporter, clock)
    assert screen.getvalue().isascii()
    assert "####" in screen.getvalue()
