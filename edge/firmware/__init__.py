"""New firmware for the boards: signed packages, who may flash what, and how it is carried out."""
