"""The recording oracle: checks answers as they come, asks for more, anchors what it saw, reserves what was earned.

Rules kept here
- Accepting an answer and reserving its pay is one act: rows, books and the signed transaction commit together.
- It never pays, and it never sees a picture: it knows tasks by their readings and their answers.
- It reserves nothing that it can't derive from its own records, whoever asks.
"""

from .role import RecordingOracle

__all__ = ["RecordingOracle"]
