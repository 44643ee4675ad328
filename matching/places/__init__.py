"""Files of places read into plain rows; pure."""
