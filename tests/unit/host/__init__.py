"""The host's PowerShell script, run by a small interpreter against an emulated Hyper-V."""
