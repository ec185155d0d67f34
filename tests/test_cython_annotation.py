"""Cython's annotated source is read as what it says, and never as HTML."""

from pathlib import Path

import pytest
from steelyard import cython_build
from steelyard.cython_annotation import annotated, lines_in

SOURCE = """# cython: language_level=3, boundscheck=False, wraparound=False
def f(double[::1] x, y):
    cdef Py_ssize_t i
    cdef double s = 0.0
    for i in range(x.shape[0]):
        s += x[i] * x[i]
    return y["<a>"], s
"""

OLD = """<div class="cython"><pre class="cython line score-0">&#xA0;<span class="">1</span>: <b>a</b> = &lt;int&gt;1</pre>
<pre class="cython line score-12" onclick="alert(1)">+<span class="">2</span>: b()</pre>
<pre class='cython code score-12 '>  x = <span class='py_c_api'>PyObject_Call</span>(b, <span class='pyx_c_api'>__Pyx_Get</span>());
 <span class='py_c_api'>PyObject_Call</span>(c);<span class='refnanny'>__Pyx_GOTREF</span>(x);
</pre></div>"""


def test_lines_are_read():
    """Number, text, score, and the calls of Python's API that its C code names, each once."""
    first, second = lines_in(OLD)
    assert (first.number, first.text, first.score, first.is_code) == (1, "a = <int>1", 0, False)
    assert (second.number, second.text, second.score, second.is_code) == (2, "b()", 12, True)
    assert second.calls == ["PyObject_Call", "__Pyx_Get"]


@pytest.mark.skipif(cython_build.lacking() is not None, reason=str(cython_build.lacking()))
def test_what_this_cython_writes_is_read(tmp_path):
    """Every line, as it was written; a loop of C calls nothing, and an access of an object does."""
    pytest.importorskip("Cython")
    source = tmp_path / "annotated_cython.pyx"
    source.write_text(SOURCE)
    record = annotated(source, cython_build.build(source).annotation)
    assert "\n".join(text for _, text, *_ in record["lines"]).rstrip() == SOURCE.rstrip()
    scores = {number: (score, is_code) for number, _, score, is_code, _ in record["lines"]}
    assert scores[3] == (0, False)
    assert scores[6] == (0, True)
    assert scores[7][0] > 0
    assert record["lines"][6][4]


@pytest.mark.parametrize("contents", ["", "<html>", "\0", "<pre class='cython line score-x'>", "no markup"])
def test_what_is_no_annotation_gives_a_reason(contents, tmp_path):
    """Another Cython may write something else: that is said, and no error."""
    path = tmp_path / "x.html"
    path.write_text(contents)
    assert "reads as Cython's annotated source" in annotated(Path("x.pyx"), path)["reason"]


def test_an_annotation_that_is_gone_gives_a_reason(tmp_path):
    """The cache may have been emptied."""
    assert "cannot be read" in annotated(Path("x.pyx"), tmp_path / "none.html")["reason"]
