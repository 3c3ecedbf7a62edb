"""Doctown: keeps the documentation of a code base true."""

__version__ = "0.1.0"
