"""Small real servers on loopback, which fail in every way that a test asks for."""
