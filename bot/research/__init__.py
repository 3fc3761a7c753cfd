"""What needs thousands of paths: comparisons of policies, published tables, the figures of the documentation."""
