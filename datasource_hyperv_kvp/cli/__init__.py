"""The command ``hyperv-kvp``: one module a subcommand."""
