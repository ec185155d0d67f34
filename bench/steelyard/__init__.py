"""Steelyard: benchmark, profile and compare equivalent numeric kernels, honestly."""

from steelyard.workload import Inputs, Law, Outputs, Tolerance, Workload

__all__ = ["Inputs", "Law", "Outputs", "Tolerance", "Workload"]
