"""An autopilot that is a program: it flies missions, drains a battery, answers, loses, lies."""
