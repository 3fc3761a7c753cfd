"""One band policy a file; each imports only bot.hedging.band."""
