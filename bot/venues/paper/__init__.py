"""A paper account: a real venue's market, an exchange of our own for orders."""
