"""Recorded history of any kind: read, sifted, and kept as one Parquet file."""
