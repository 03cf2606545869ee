"""What a question asks: its form, its subjects and its relation."""
