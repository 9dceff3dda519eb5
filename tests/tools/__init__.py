"""Set-up of a fresh Debian or Ubuntu machine for the tests, with the standard library only."""
