"""Deribit's wire protocol served over bot.sim. Knows nothing of the bot."""
