"""Route, select and page: which facts a question needs, brought to where they are read."""
