"""First boot: the unit gets its name, its keys and its certificate; and loses them again."""
