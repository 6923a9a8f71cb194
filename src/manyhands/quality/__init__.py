"""Answers into verdicts: truth inference, when to ask again, gold, calibration, abuse, reputation.

Rules kept here
- Pure: no clock, no chance, no file, no network. Time is an argument, a seed is an argument.
- The same log gives the same bytes: in any order of arrival, on one core or two.
- A number that is shown as confidence was calibrated on gold, or is said to be uncalibrated.
- A flag names its evidence and takes no pay. Only gold evidence may refuse an answer.
"""
