"""A terminal made up for tests: what stands on its screen after all that was written to it."""

import io
import re

COMMAND = re.compile(r"\x1b(?:([D78])|\[(\d*)([A-Za-z])|\[[\d;?]*[A-Za-z]|\][^\x07]*\x07)")


class Screen(io.StringIO):
    """A few lines of so many columns that scroll; it knows what steelyard's progress asks of a terminal."""

    encoding = "utf-8"

    def __init__(self, columns=60, lines=6, terminal=True):
        super().__init__()
        self.columns, self.terminal = columns, terminal
        self.rows = [""] * lines
        self.scrolled = []
        self.row = self.column = 0
        self.kept = (0, 0)

    def isatty(self):
        return self.terminal

    @property
    def text(self):
        """All lines that were ever there, without those at the end that are empty."""
        return "\n".join(line.rstrip() for line in [*self.scrolled, *self.rows]).rstrip("\n")

    def write(self, text):
        position = 0
        while position < len(text):
            if command := COMMAND.match(text, position):
                self._obey(*command.groups())
                position = command.end()
                continue
            self._print(text[position])
            position += 1
        return super().write(text)

    def _obey(self, word, number, letter):
        if word == "D":
            self._down()
        elif word == "7":
            self.kept = (self.row, self.column)
        elif word == "8":
            self.row, self.column = self.kept
        elif letter == "A":
            self.row = max(0, self.row - int(number or 1))
        elif letter == "B":
            self.row = min(len(self.rows) - 1, self.row + int(number or 1))
        elif letter == "K":
            assert number == "2"
            self.rows[self.row] = ""

    def _print(self, char):
        if char == "\n":
            self._down()
            self.column = 0
        elif char == "\r":
            self.column = 0
        else:
            if self.column == self.columns:
                self._down()
                self.column = 0
            line = self.rows[self.row].ljust(self.column)
            self.rows[self.row] = line[: self.column] + char + line[self.column + 1 :]
            self.column += 1

    def _down(self):
        if self.row == len(self.rows) - 1:
            self.scrolled.append(self.rows.pop(0))
            self.rows.append("")
        else:
            self.row += 1
