"""A deterministic world: exchange, market maker, paths.

Values options by its own line of code, so that it can disagree with the bot.
"""
