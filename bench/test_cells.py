"""The suite: one benchmark for each cell. Agreement comes before speed: a cell that is timed has been checked."""


def test_cell(steelyard_cell, benchmark):
    benchmark(steelyard_cell.function, *steelyard_cell.arguments)
