"""The way of a change: what one write transaction does to facts and tree."""
