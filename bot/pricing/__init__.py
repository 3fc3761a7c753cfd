"""Option mathematics on floats. Knows no venue, instrument or position."""
