"""From sound to events: levels, voice, impulses, classes of sound. Nobody is recognised by it."""
