"""Is this unit fit for work? Each part is asked, and a cure is named for what is not."""
