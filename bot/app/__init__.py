"""The only place where all meet: configuration, composition, live driver, command line."""
