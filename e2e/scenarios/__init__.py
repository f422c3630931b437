"""What is tried on the stage: operations under load, faults, and how long each may take."""
