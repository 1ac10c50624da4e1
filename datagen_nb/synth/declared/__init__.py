"""Rows that are declared instead of fitted: the model of ``core.declaration``.

``compiling`` makes a model of a declaration: declared distributions (``columns``) are drawn by a
stage of their own, formulas are relations, keys are groups, and names, addresses and identifiers
are made by makers (``makers``), all as in fitted models.
"""
