"""Whether the store has what was asked, and calibration to one store."""
