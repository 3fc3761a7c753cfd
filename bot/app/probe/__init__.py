"""Open questions about the venue, asked of its test hosts: `hedgebot probe`."""
