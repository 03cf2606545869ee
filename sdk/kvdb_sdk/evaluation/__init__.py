"""Answers measured against what the store has."""
