"""Theory and published tables reproduced by the product's own code: the figures of docs/explanation/validation.md."""
