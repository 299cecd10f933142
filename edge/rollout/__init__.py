"""From the hub's side: a bundle is offered, ordered, and followed until each unit has it or not."""
