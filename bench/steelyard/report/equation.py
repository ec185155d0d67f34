"""An equation's LaTeX as MathML, which browsers set without a script."""

from __future__ import annotations

from xml.etree import ElementTree

from markupsafe import Markup

NAMESPACE = "http://www.w3.org/1998/Math/MathML"

ATTRIBUTES = frozenset(
    (
        *(
            "accent",
            "accentunder",
            "columnalign",
            "columnspacing",
            "depth",
            "display",
            "displaystyle",
            "fence",
        ),
        *("form", "height", "largeop", "linethickness", "lspace", "mathvariant", "maxsize", "minsize"),
        *(
            "movablelimits",
            "rowspacing",
            "rspace",
            "scriptlevel",
            "separator",
            "stretchy",
            "symmetric",
            "width",
        ),
    )
)
"""What an element may have: nothing that leads elsewhere, styles, or runs, for the LaTeX is anybody's."""


def typeset(latex: str) -> Markup:
    """The equation as a block of its own; the LaTeX itself where it cannot be set."""
    from latex2mathml.converter import convert

    try:
        root = ElementTree.fromstring(convert(latex, display="block"))
    except Exception:  # whatever a converter raises at what is no LaTeX
        return Markup('<pre class="equation"><code>{}</code></pre>\n').format(latex)
    for element in root.iter():
        element.tag = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        for name in set(element.attrib) - ATTRIBUTES:
            del element.attrib[name]
    root.set("aria-label", latex)
    return Markup('<div class="equation" role="group" aria-label="Equation" tabindex="0">{}</div>\n').format(
        Markup(ElementTree.tostring(root, encoding="unicode"))
    )
