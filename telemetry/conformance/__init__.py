"""Does a unit keep the contract? Judged by what is seen on the wire, whoever wrote the unit."""
