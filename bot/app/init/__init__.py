"""A first configuration from a few answers: `hedgebot init`."""
