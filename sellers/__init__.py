"""What only a seller sees."""
