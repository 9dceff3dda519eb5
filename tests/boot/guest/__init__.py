"""What the lab puts into its guests: an emulated KVP device, and an agent that runs commands.

These files are copied into the images, and run there with the guest's own Python: standard
library only, and no import of anything else of this project.
"""
