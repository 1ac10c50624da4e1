"""How long a test waits for what has to happen: long, since other processes use the machine too.

A test that is about a time says so itself: by a clock of its own, or by counts.
"""

DEADLINE = 120.0
"""Seconds."""
