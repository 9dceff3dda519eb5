"""What runs in the guest to apply a rendered Ignition config. Standard library only."""
