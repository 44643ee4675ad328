"""What only a buyer sees."""
