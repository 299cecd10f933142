"""What a unit is told to do: tasks, duty, modes, and the call for help."""
