"""Attend and copy: the adapter, attention over facts and text, and verbatim copying."""
