"""The three kinds of units."""

from host.pipeline.units.filter_unit import FilterUnit
from host.pipeline.units.input_unit import InputUnit
from host.pipeline.units.output_unit import OutputUnit

Unit = InputUnit | FilterUnit | OutputUnit

__all__ = ["FilterUnit", "InputUnit", "OutputUnit", "Unit"]
