"""Band policies and the one decision function. Knows no order mechanics."""
