"""`hedgebot greeks`: what an option or a portfolio is worth and weighs, and which delta each number is."""
