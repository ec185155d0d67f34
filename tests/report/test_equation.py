"""Equations as MathML."""

from __future__ import annotations

import re

import pytest
from steelyard.report.equation import ATTRIBUTES, typeset


def test_an_equation_is_set() -> None:
    """As a block, with the LaTeX for those who cannot see it."""
    html = typeset(r"\frac{a}{b}")
    assert '<math display="block" aria-label="\\frac{a}{b}">' in html
    assert re.search(r"<mfrac>.*<mi>a</mi>.*<mi>b</mi>.*</mfrac>", html)


@pytest.mark.parametrize(
    "latex",
    [
        r"\style{x:y}{z}",
        r"\href{javascript:alert(1)}{z}",
        r"\class{c}{z}",
        "<script>alert(1)</script>",
        '"><b>',
    ],
)
def test_nothing_but_mathematics_comes_of_it(latex: str) -> None:
    """No link, script or style, whatever the LaTeX says."""
    html = typeset(latex)
    assert not re.search(r"<(script|a|b)\b", html)
    math = html.partition("<math")[2].partition("</math>")[0]
    assert set(re.findall(r'\s([\w-]+)="', re.sub(r'aria-label="[^"]*"', "", math))) <= ATTRIBUTES


def test_what_cannot_be_set_is_shown_as_it_is() -> None:
    """A converter's complaint is not the reader's."""
    assert typeset(r"\left( x <") == '<pre class="equation"><code>\\left( x &lt;</code></pre>\n'
